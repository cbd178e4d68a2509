import type { Database, Transaction } from '@florin/database';
import { newUuid } from '@florin/service';
import { sql } from 'kysely';
import type { Tables } from '../tables.ts';

type Connection = Database<Tables> | Transaction<Tables>;

/** Gives an endpoint a secret, which is its current one from now on. */
export async function insertSecret(tx: Transaction<Tables>, endpointId: string, sealed: Buffer): Promise<void> {
  const values = { endpoint_id: endpointId, id: newUuid(), sealed, expires_at: null };
  await tx.insertInto('webhook_secrets').values(values).execute();
}

/**
 * Makes room for a new current secret: the one so far signs until `expiresAt`, and of those from before only as many as leave
 * `most` with the new one. The endpoint must be locked.
 */
export async function expireSecrets(
  tx: Transaction<Tables>,
  endpointId: string,
  { expiresAt, most }: { expiresAt: Date; most: number },
): Promise<void> {
  await sql`update webhook_secrets set expires_at = ${expiresAt}
    where endpoint_id = ${endpointId} and expires_at is null`.execute(tx);
  await sql`delete from webhook_secrets where endpoint_id = ${endpointId} and (expires_at <= now() or id not in (
    select id from webhook_secrets where endpoint_id = ${endpointId} order by id desc limit ${most - 1}
  ))`.execute(tx);
}

/** The secrets that an endpoint's webhooks are signed with now, the newest first, as they were sealed. */
export async function listSecrets(db: Connection, endpointId: string): Promise<Buffer[]> {
  const rows = await db
    .selectFrom('webhook_secrets')
    .select('sealed')
    .where('endpoint_id', '=', endpointId)
    .where((all) => all.or([all('expires_at', 'is', null), all('expires_at', '>', sql<Date>`now()`)]))
    .orderBy('id', 'desc')
    .execute();
  return rows.map(({ sealed }) => sealed);
}

/** Deletes secrets that sign nothing any more; returns how many. */
export async function purgeSecrets(db: Connection): Promise<bigint> {
  const { numAffectedRows } = await sql`delete from webhook_secrets where expires_at <= now()`.execute(db);
  return numAffectedRows ?? 0n;
}
