import { createHmac } from 'node:crypto';
import { type Database, inTransaction, type Transaction } from '@florin/database';
import { databaseNow } from '../database-clock.ts';
import type { Tables } from '../tables.ts';
import { afterSuccess, type GuessRecord, isLocked, noGuesses, takeGuess, withoutGuess } from './lockout.ts';

/** Whether a guess may be looked at; it is counted as wrong already. `locks`: if it stays so, it was the last for a while. */
export type GuessPermission = { allowed: true; locks: boolean } | { allowed: false; retryAfterSeconds: number };

/**
 * The key under which the guesses at an email are counted, whether anybody has that email or not. `email` normalised.
 * A keyed hash: what people type here is not kept.
 */
export function guessKey(secret: Buffer, email: string): Buffer {
  return createHmac('sha256', secret).update(email).digest();
}

/**
 * Counts a guess before it is looked at, under the lock of its row: parallel guesses, from any number of processes, are
 * counted one by one, and one that was counted stays so when the process dies.
 */
export async function countGuess(db: Database<Tables>, key: Buffer): Promise<GuessPermission> {
  return await inTransaction(db, async (tx) => {
    const { now, ...record } = await lockRecord(tx, key);
    const verdict = takeGuess(record, now);
    if (!verdict.allowed) return { allowed: false, retryAfterSeconds: Math.ceil(verdict.retryAfterMs / 1000) };
    await store(tx, key, verdict.record);
    return { allowed: true, locks: isLocked(verdict.record) };
  });
}

/** Takes the guess back that turned out right, and the row of failures with it. */
export async function forgetFailures(tx: Transaction<Tables>, key: Buffer): Promise<void> {
  const { now: _now, ...record } = await lockRecord(tx, key);
  await store(tx, key, afterSuccess(record));
}

/** Takes back a guess that turned out to be neither right nor wrong. */
export async function takeBackGuess(tx: Transaction<Tables>, key: Buffer): Promise<void> {
  const { now: _now, ...record } = await lockRecord(tx, key);
  await store(tx, key, withoutGuess(record));
}

/** Forgets all guesses at an email, those of the day too: its password is another one now. */
export async function forgetGuesses(tx: Transaction<Tables>, key: Buffer): Promise<void> {
  const { now } = await lockRecord(tx, key);
  await store(tx, key, noGuesses(now));
}

async function lockRecord(tx: Transaction<Tables>, key: Buffer): Promise<GuessRecord & { now: Date }> {
  await tx
    .insertInto('login_guesses')
    .values({ email_hash: key, ...rowOf(noGuesses(new Date())) })
    .onConflict((conflict) => conflict.column('email_hash').doNothing())
    .execute();
  const row = await tx
    .selectFrom('login_guesses')
    .selectAll()
    .where('email_hash', '=', key)
    .forUpdate()
    .executeTakeFirstOrThrow();
  return {
    failures: row.failures,
    lastGuessAt: row.last_guess_at,
    lockedUntil: row.locked_until,
    dayStartedAt: row.day_started_at,
    dayGuesses: row.day_guesses,
    now: new Date(await databaseNow(tx)),
  };
}

async function store(tx: Transaction<Tables>, key: Buffer, record: GuessRecord): Promise<void> {
  await tx.updateTable('login_guesses').set(rowOf(record)).where('email_hash', '=', key).execute();
}

function rowOf(record: GuessRecord) {
  return {
    failures: record.failures,
    last_guess_at: record.lastGuessAt,
    locked_until: record.lockedUntil,
    day_started_at: record.dayStartedAt,
    day_guesses: record.dayGuesses,
  };
}
