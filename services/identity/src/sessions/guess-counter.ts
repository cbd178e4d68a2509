import { createHmac } from 'node:crypto';
import { type Database, inTransaction, planKeeper, prepare, type Transaction } from '@florin/database';
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

interface LockedRow {
  readonly failures: number;
  readonly lastGuessAt: Date;
  readonly lockedUntil: Date | null;
  readonly dayStartedAt: Date;
  readonly dayGuesses: number;
  /** Milliseconds since 1970 on the database's clock, once the lock is held. */
  readonly now: number;
}

// An update that changes nothing takes the lock, and waits for it where somebody else has it.
const lockRow = prepare<LockedRow>(
  'lock-login-guesses',
  `insert into login_guesses as record (email_hash, failures, last_guess_at, locked_until, day_started_at, day_guesses)
   values ($1, $2, $3, $4, $5, $6)
   on conflict (email_hash) do update set email_hash = excluded.email_hash
   returning failures, last_guess_at as "lastGuessAt", locked_until as "lockedUntil", day_started_at as "dayStartedAt",
     day_guesses as "dayGuesses", extract(epoch from clock_timestamp())::float8 * 1000 as now`,
);

async function lockRecord(tx: Transaction<Tables>, key: Buffer): Promise<GuessRecord & { now: Date }> {
  const first = rowOf(noGuesses(new Date()));
  const values = [first.failures, first.last_guess_at, first.locked_until, first.day_started_at, first.day_guesses];
  const [row] = await lockRow(tx, [key, ...values]);
  if (row === undefined) throw new Error('Postgres did not lock the row of guesses');
  return { ...row, now: new Date(row.now) };
}

const keepStoring = planKeeper('store-login-guesses');

async function store(tx: Transaction<Tables>, key: Buffer, record: GuessRecord): Promise<void> {
  await tx.updateTable('login_guesses').set(rowOf(record)).where('email_hash', '=', key).$call(keepStoring).execute();
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
