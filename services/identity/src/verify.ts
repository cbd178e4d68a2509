import { createDatabase, createPool } from '@florin/database';
import { runMain } from '@florin/service';
import { verifyAuditChain } from './audit/verify-audit-chain.ts';
import { readDatabaseUrl } from './config.ts';
import type { Tables } from './tables.ts';

/**
 * Checks the audit log of the database in DATABASE_URL. Prints the verdict as a line of JSON; exit code 1 where an entry
 * is not as it was written.
 */
await runMain('identity audit log', async () => {
  const db = createDatabase<Tables>(
    createPool({ url: readDatabaseUrl(), schema: 'identity', applicationName: 'identity-verify', max: 1 }),
  );
  try {
    const verdict = await verifyAuditChain(db);
    const shown = verdict.intact
      ? { ...verdict, entries: Number(verdict.entries) }
      : { ...verdict, sequence: Number(verdict.sequence) };
    process.stdout.write(`${JSON.stringify(shown)}\n`);
    if (!verdict.intact) process.exitCode = 1;
  } finally {
    await db.destroy();
  }
});
