import { type Database, inTransaction, seal, type Transaction, unseal } from '@florin/database';
import { sql } from 'kysely';
import { factorContext } from './second-factor/check-second-factor.ts';
import type { Secrets } from './secrets.ts';
import type { Tables } from './tables.ts';
import { lockSigningKeys, readSigningKeys } from './tokens/signing-key-queries.ts';

/** What the old key is and what the new one. */
export interface KeyChange {
  from: Secrets;
  to: Secrets;
}

/** How many values were encrypted anew. */
export interface Reencrypted {
  signingKeys: number;
  secondFactors: number;
  keptAnswers: number;
}

const rowsPerStatement = 1_000;

/**
 * Encrypts anew what identity keeps encrypted, all of it in one transaction. To be done while no process of identity runs: those with the
 * old key could not open it any more. What is not encrypted but computed with the key cannot be carried over: sessions end, and
 * recovery codes are worthless.
 *
 * @throws Error when a signing key or a second factor does not open with the old key; nothing is changed then
 */
export async function changeEncryptionKey(db: Database<Tables>, change: KeyChange): Promise<Reencrypted> {
  return await inTransaction(db, async (tx) => {
    await lockSigningKeys(tx);
    return {
      signingKeys: await reencryptSigningKeys(tx, change),
      secondFactors: await reencryptSecondFactors(tx, change),
      keptAnswers: await reencryptKeptAnswers(tx, change),
    };
  });
}

type Purpose = 'signingKeys' | 'secondFactors' | 'keptAnswers';

/** Encrypts anew under the one of the contexts that opens it. */
function reencrypt({ from, to }: KeyChange, purpose: Purpose, contexts: readonly string[], sealed: Buffer): Buffer {
  for (const context of contexts) {
    const plain = opened(from[purpose], context, sealed);
    if (plain !== undefined) return seal(to[purpose], context, plain);
  }
  throw new Error('KEY_ENCRYPTION_KEY_PREVIOUS does not open what is encrypted in the database');
}

function opened(key: Buffer, context: string, sealed: Buffer): Buffer | undefined {
  try {
    return unseal(key, context, sealed);
  } catch {
    return undefined;
  }
}

async function reencryptSigningKeys(tx: Transaction<Tables>, change: KeyChange): Promise<number> {
  const keys = await readSigningKeys(tx);
  for (const { kid, sealed } of keys) {
    const anew = reencrypt(change, 'signingKeys', [kid], sealed);
    await tx.updateTable('signing_keys').set({ private_key: anew }).where('kid', '=', kid).execute();
  }
  return keys.length;
}

async function reencryptSecondFactors(tx: Transaction<Tables>, change: KeyChange): Promise<number> {
  let total = 0;
  let after: string | undefined;
  do {
    let query = tx
      .selectFrom('second_factors')
      .select(['user_id', 'secret'])
      .orderBy('user_id')
      .limit(rowsPerStatement);
    if (after !== undefined) query = query.where('user_id', '>', after);
    const rows = await query.execute();
    for (const { user_id: userId, secret } of rows) {
      const anew = reencrypt(change, 'secondFactors', [factorContext(userId)], secret);
      await tx.updateTable('second_factors').set({ secret: anew }).where('user_id', '=', userId).execute();
    }
    total += rows.length;
    after = rows.at(-1)?.user_id;
  } while (after !== undefined);
  return total;
}

/** Only answers that hold a secret (a new API key; recovery codes of a first passkey) are encrypted: those are a JSON string in base64, all others an object. */
async function reencryptKeptAnswers(tx: Transaction<Tables>, change: KeyChange): Promise<number> {
  const rows = await tx
    .selectFrom('idempotency_keys')
    .select(['caller', 'key', 'body'])
    .where(sql<boolean>`body ~ '^"[A-Za-z0-9+/]+=*"$'`)
    .execute();
  for (const { caller, key, body } of rows) {
    const sealed = Buffer.from(String(JSON.parse(body ?? '""')), 'base64');
    const anew = reencrypt(change, 'keptAnswers', [`${caller} ${key}`, `passkey ${caller} ${key}`], sealed).toString(
      'base64',
    );
    const same = tx.updateTable('idempotency_keys').where('caller', '=', caller).where('key', '=', key);
    await same.set({ body: JSON.stringify(anew) }).execute();
  }
  return rows.length;
}
