import { ProblemError, problem } from '@florin/service';
import { type Generated, type Kysely, sql } from 'kysely';
import type { Database, Transaction } from './kysely.ts';
import { problemAnswer } from './problem-answer.ts';
import { errorCode, inTransaction } from './transaction.ts';

/** The kept answers as a Kysely table. `status` and `body` are null only inside the transaction that makes them. */
export interface IdempotencyKeysTable {
  caller: string;
  key: string;
  fingerprint: Buffer;
  status: number | null;
  body: string | null;
  created_at: Generated<Date>;
}

/** Who calls with which key for what. */
export interface IdempotentCall {
  /** Keys are scoped to this: the caller's id. */
  caller: string;
  /** Without a key the work just runs, in a transaction. */
  key?: string | undefined;
  /** Of method, path and body: `requestFingerprint` of @florin/service. */
  fingerprint: Buffer;
  /** Path of the request without its query, for the `instance` of a kept problem. */
  path?: string;
  /** Which answers are kept for replays; 2xx and 422 unless told. Others roll back and leave the key free. */
  replayable?: (status: number) => boolean;
}

/** What the work answers: `body` is anything JSON can say. */
export interface WorkAnswer {
  status: number;
  body: unknown;
}

/** The answer to send: `body` is the exact text, the same bytes for the first answer and every replay. */
export interface IdempotentAnswer {
  status: number;
  body: string;
  replayed: boolean;
}

/** The part of a Fastify reply that `sendIdempotent` needs. */
export interface IdempotentReply {
  code(status: number): unknown;
  header(name: string, value: string): unknown;
  send(body: string): unknown;
}

type StoredAnswer = Omit<IdempotentAnswer, 'replayed'>;

/** Less than the pool's statement timeout of 5 s, which would end the wait in another way. */
const waitForFirst = '4s';

/** Ends the transaction without an effect and carries the answer out of it. */
class Unkept extends Error {
  readonly answer: StoredAnswer;
  constructor(answer: StoredAnswer) {
    super('The answer is not kept');
    this.answer = answer;
  }
}

/** Creates the table `idempotency_keys` in the schema that comes first in the search_path; call it from a migration. */
export async function createIdempotencyKeys<Tables>(db: Kysely<Tables>): Promise<void> {
  await sql`create table idempotency_keys (
    caller text not null,
    key text not null,
    fingerprint bytea not null,
    status smallint,
    body text,
    created_at timestamptz not null default now(),
    primary key (caller, key)
  )`.execute(db);
  await sql`create index idempotency_keys_created_at on idempotency_keys (created_at)`.execute(db);
}

/**
 * Runs `work` at most once per caller and key; the key, the effect and the answer are one transaction.
 *
 * The same call again gets the first answer, byte for byte. Called while the first is still running, it waits for that
 * one, 4 s at most. A 422 problem thrown by the work is kept as the answer and its effects are undone; everything else
 * that is thrown undoes the key too, so the caller may try again. `work` may run again after a deadlock.
 * @throws ProblemError idempotency_key_reused (422) when the key was used for another request,
 *   idempotency_in_progress (409) when the first call takes longer than the wait; and what `work` throws.
 */
export async function runIdempotently<Tables>(
  db: Database<Tables>,
  call: IdempotentCall,
  work: (tx: Transaction<Tables>) => Promise<WorkAnswer>,
): Promise<IdempotentAnswer> {
  const isKept = call.replayable ?? ((status) => (status >= 200 && status < 300) || status === 422);
  const { key } = call;
  try {
    return await inTransaction(db, async (tx) => {
      if (key !== undefined && !(await claimKey(tx, call, key))) return await replay(tx, call, key);
      const answer = key === undefined ? toStored(await work(tx)) : await runKept(tx, work, call.path);
      if (key === undefined) return { ...answer, replayed: false };
      if (!isKept(answer.status)) throw new Unkept(answer);
      await sql`update idempotency_keys set status = ${answer.status}, body = ${answer.body}
        where caller = ${call.caller} and key = ${key}`.execute(tx);
      return { ...answer, replayed: false };
    });
  } catch (error) {
    if (error instanceof Unkept) return { ...error.answer, replayed: false };
    throw error;
  }
}

/** Sends the answer as it is stored, with `Idempotent-Replayed: true` when it is a replay. */
export function sendIdempotent(reply: IdempotentReply, answer: IdempotentAnswer): unknown {
  reply.code(answer.status);
  reply.header('content-type', `application/${answer.status >= 400 ? 'problem+json' : 'json; charset=utf-8'}`);
  if (answer.replayed) reply.header('idempotent-replayed', 'true');
  return reply.send(answer.body);
}

/** Forgets keys made longer ago than this; returns how many. The contract keeps a key for 24 hours at least. */
export async function purgeIdempotencyKeys<Tables>(db: Kysely<Tables>, olderThanHours: number): Promise<bigint> {
  const result = await sql`delete from idempotency_keys
    where created_at < now() - make_interval(hours => ${olderThanHours})`.execute(db);
  return result.numAffectedRows ?? 0n;
}

/** True when this transaction is the first with the key. The primary key makes a second one wait for the first's end. */
async function claimKey<Tables>(tx: Transaction<Tables>, call: IdempotentCall, key: string): Promise<boolean> {
  try {
    const claimed = await sql`with wait as materialized (select set_config('lock_timeout', ${waitForFirst}, true))
      insert into idempotency_keys (caller, key, fingerprint)
      select ${call.caller}, ${key}, ${call.fingerprint}::bytea from wait
      on conflict do nothing returning 1`.execute(tx);
    return claimed.rows.length === 1;
  } catch (error) {
    if (errorCode(error) === '55P03' || errorCode(error) === '57014') throw inProgress();
    throw error;
  }
}

async function replay<Tables>(tx: Transaction<Tables>, call: IdempotentCall, key: string): Promise<IdempotentAnswer> {
  const { rows } = await sql<{ fingerprint: Buffer; status: number; body: string }>`
    select fingerprint, status, body from idempotency_keys where caller = ${call.caller} and key = ${key}`.execute(tx);
  const [first] = rows;
  // Only when the key expired between the two statements.
  if (!first) throw inProgress();
  if (!first.fingerprint.equals(call.fingerprint)) {
    throw problem('idempotency_key_reused', 'This Idempotency-Key was used for another request.');
  }
  return { status: first.status, body: first.body, replayed: true };
}

const inProgress = () =>
  problem('idempotency_in_progress', 'The first request with this Idempotency-Key is still running.');

/** A 422 thrown by the work becomes its answer, without the work's effects; the key stays claimed. */
async function runKept<Tables>(
  tx: Transaction<Tables>,
  work: (tx: Transaction<Tables>) => Promise<WorkAnswer>,
  path: string | undefined,
): Promise<StoredAnswer> {
  await sql`savepoint before_work`.execute(tx);
  try {
    return toStored(await work(tx));
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    const answer = problemAnswer(error, path);
    if (answer.status !== 422) throw error;
    await sql`rollback to savepoint before_work`.execute(tx);
    return answer;
  }
}

const toStored = (answer: WorkAnswer): StoredAnswer => ({
  status: answer.status,
  body: JSON.stringify(answer.body ?? null),
});
