import type { Database } from '@florin/database';
import { eventually } from '@florin/testing';
import { sql } from 'kysely';
import type { Seal } from '../seals/seal.ts';
import type { SealKey } from '../seals/seal-key.ts';
import { sealNext } from '../seals/seal-ledger.ts';
import type { Tables } from '../tables.ts';

/**
 * Seals everything posted so far. Transactions of other databases on the same server count too, and tests run side by
 * side: this waits until those that began before the last posting have ended.
 */
export async function sealPosted(db: Database<Tables>, key: SealKey): Promise<Seal | undefined> {
  await eventually(
    async () => {
      const { rows } = await sql<{ ended: boolean | null }>`
        select bool_and(xid < pg_snapshot_xmin(pg_current_snapshot())) as ended from transactions`.execute(db);
      if (rows[0]?.ended === false) throw new Error('a transaction of before is still open on the server');
    },
    { timeoutMs: 18_000 },
  );
  return await sealNext(db, key, () => new Date());
}
