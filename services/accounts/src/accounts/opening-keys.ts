import type { Database, Transaction } from '@florin/database';
import type { Tables } from '../tables.ts';

/** An Idempotency-Key as its sender used it. `owner` is a UUID. */
export interface OpeningKey {
  owner: string;
  key: string;
  /** Of the request: the same key with another one is refused. */
  fingerprint: Buffer;
}

/** What has become of a key: the account it stands for, and the answer once one has been given. */
export interface Opening {
  account: string;
  fingerprint: Buffer;
  answer: string | null;
}

/** Takes the key for the account. False when it is taken; a request that is taking it at this moment is waited for. */
export async function claimKey(tx: Transaction<Tables>, key: OpeningKey, account: string): Promise<boolean> {
  const result = await tx
    .insertInto('account_openings')
    .values({ ...key, account_id: account, answer: null })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

/** What a taken key stands for. */
export async function findOpening(
  db: Database<Tables> | Transaction<Tables>,
  key: OpeningKey,
): Promise<Opening | undefined> {
  return await db
    .selectFrom('account_openings')
    .select(['account_id as account', 'fingerprint', 'answer'])
    .where('owner', '=', key.owner)
    .where('key', '=', key.key)
    .executeTakeFirst();
}

/** Keeps the answer to be given for the key. False when another request with the key has kept its own before. */
export async function keepAnswer(db: Database<Tables>, key: OpeningKey, answer: string): Promise<boolean> {
  const result = await db
    .updateTable('account_openings')
    .set({ answer })
    .where('owner', '=', key.owner)
    .where('key', '=', key.key)
    .where('answer', 'is', null)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}
