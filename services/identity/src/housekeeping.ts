import { type Database, purgeIdempotencyKeys } from '@florin/database';
import { type RawBuilder, sql } from 'kysely';
import type { Tables } from './tables.ts';

const rowsPerStatement = 1_000;
const idempotencyHours = 48;
// Longer than the day for which reset mails are counted.
const mailDays = 2;

/** What one round deleted. */
export interface Deleted {
  sessions: number;
  loginGuesses: number;
  mails: number;
  oneTimeTokens: number;
  passkeyChallenges: number;
  erasedTokens: number;
  idempotencyKeys: number;
}

/**
 * Deletes what has no use any more: sessions that expired, or were revoked and whose last access token has expired;
 * what is known of the tokens of erased people, once those have expired; counters of guesses older than their day; mails that ended, or wait in vain, and expired tokens of mails; challenges that nobody answered in time; old idempotency keys. In small statements that skip locked rows, so that any
 * number of processes may do it at once.
 */
export async function deleteExpired(db: Database<Tables>): Promise<Deleted> {
  return {
    sessions:
      (await deleteInParts(
        db,
        sql`delete from sessions where id in (
        select id from sessions where expires_at < now() limit ${rowsPerStatement} for update skip locked)`,
      )) +
      (await deleteInParts(
        db,
        sql`delete from sessions where id in (
        select id from sessions where revoked_at is not null and access_expires_at < now() - interval '1 hour'
        limit ${rowsPerStatement} for update skip locked)`,
      )),
    loginGuesses: await deleteInParts(
      db,
      sql`delete from login_guesses where email_hash in (
        select email_hash from login_guesses where last_guess_at < now() - interval '2 days'
        limit ${rowsPerStatement} for update skip locked)`,
    ),
    mails: await deleteInParts(
      db,
      sql`delete from mails where id in (
        select id from mails where ended_at < now() - ${mailDays} * interval '1 day'
          or (state = 'waiting' and kind = 'reset_password' and due_at < now() - ${mailDays} * interval '1 day')
        limit ${rowsPerStatement} for update skip locked)`,
    ),
    oneTimeTokens: await deleteInParts(
      db,
      sql`delete from one_time_tokens where token_hash in (
        select token_hash from one_time_tokens where expires_at < now()
        limit ${rowsPerStatement} for update skip locked)`,
    ),
    erasedTokens: await deleteInParts(
      db,
      sql`delete from erased_tokens where id in (
        select id from erased_tokens where expires_at < now() limit ${rowsPerStatement} for update skip locked)`,
    ),
    passkeyChallenges: await deleteInParts(
      db,
      sql`delete from passkey_challenges where challenge_hash in (
        select challenge_hash from passkey_challenges where expires_at < now()
        limit ${rowsPerStatement} for update skip locked)`,
    ),
    idempotencyKeys: Number(await purgeIdempotencyKeys(db, idempotencyHours)),
  };
}

async function deleteInParts(db: Database<Tables>, statement: RawBuilder<unknown>): Promise<number> {
  let total = 0;
  for (;;) {
    const { numAffectedRows = 0n } = await statement.execute(db);
    total += Number(numAffectedRows);
    if (numAffectedRows < BigInt(rowsPerStatement)) return total;
  }
}
