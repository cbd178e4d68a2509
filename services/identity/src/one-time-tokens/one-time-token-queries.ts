import type { Transaction } from '@florin/database';
import { type Kysely, sql } from 'kysely';
import type { Tables } from '../tables.ts';
import { hashToken, makeToken, type TokenPurpose, tokenLifeMs } from './one-time-token.ts';

/**
 * Makes a token for the user. Earlier ones stay good: an earlier mail may still arrive, even after this one. `address`:
 * the new one, for a token that changes it; null for any other.
 */
export async function issueToken(
  tx: Transaction<Tables>,
  purpose: TokenPurpose,
  userId: string,
  address: string | null,
): Promise<string> {
  const token = makeToken();
  await tx
    .insertInto('one_time_tokens')
    .values({
      token_hash: hashToken(token),
      purpose,
      user_id: userId,
      address,
      expires_at: sql<Date>`now() + ${tokenLifeMs[purpose]} * interval '1 millisecond'`,
    })
    .execute();
  return token;
}

/** Whose token it is, or undefined when it is unknown, spent, expired or for another purpose. Does not spend it. */
export async function findTokenOwner(
  db: Kysely<Tables>,
  purpose: TokenPurpose,
  token: string,
): Promise<string | undefined> {
  const found = await db
    .selectFrom('one_time_tokens')
    .select('user_id')
    .where('token_hash', '=', hashToken(token))
    .where('purpose', '=', purpose)
    .where('expires_at', '>', sql<Date>`now()`)
    .executeTakeFirst();
  return found?.user_id;
}

/** Spends a token and tells whose it was; undefined as in `findTokenOwner`. Of parallel uses one succeeds. */
export async function spendToken(
  tx: Transaction<Tables>,
  purpose: TokenPurpose,
  token: string,
): Promise<string | undefined> {
  const spent = await tx
    .deleteFrom('one_time_tokens')
    .where('token_hash', '=', hashToken(token))
    .where('purpose', '=', purpose)
    .where('expires_at', '>', sql<Date>`clock_timestamp()`)
    .returning('user_id')
    .executeTakeFirst();
  return spent?.user_id;
}

/** Spends the user's token for another address and tells which; undefined when it is another's, or as in `findTokenOwner`. */
export async function spendAddressToken(
  tx: Transaction<Tables>,
  userId: string,
  token: string,
): Promise<string | undefined> {
  const spent = await tx
    .deleteFrom('one_time_tokens')
    .where('token_hash', '=', hashToken(token))
    .where('purpose', '=', 'change_email')
    .where('user_id', '=', userId)
    .where('expires_at', '>', sql<Date>`clock_timestamp()`)
    .returning('address')
    .executeTakeFirst();
  return spent?.address ?? undefined;
}

/** Makes all the user's tokens of that purpose worthless. */
export async function deleteTokens(tx: Transaction<Tables>, purpose: TokenPurpose, userId: string): Promise<void> {
  await tx.deleteFrom('one_time_tokens').where('user_id', '=', userId).where('purpose', '=', purpose).execute();
}
