import { typeParsers } from '@florin/database';
import pg, { type QueryResult, type QueryResultRow } from 'pg';
import type { Statement } from './batch-statements.ts';

/** How a lane reaches the ledger's schema. Durations are milliseconds. */
export interface LaneOptions {
  readonly url: string;
  readonly schema: string;
  readonly applicationName: string;
  /** Connecting takes this long at most. */
  readonly connectTimeoutMs: number;
  /** A silent server is given up after this; a server that waits for a lock gives up a little sooner by itself. */
  readonly queryTimeoutMs: number;
}

/** The connection broke while the commit may have been under way: the batch is either whole in the database or not at all. */
export class UnknownOutcomeError extends Error {
  override readonly name = 'UnknownOutcomeError';
}

/** The database can't be reached, or was lost before a commit was sent: nothing has happened. */
export class DatabaseAwayError extends Error {
  override readonly name = 'DatabaseAwayError';
}

/**
 * One connection on which batches run one after the other, with the statements of a step sent together without waiting
 * for each other: a batch costs two round trips. Connects when needed, and anew after a loss.
 */
export class Lane {
  readonly #options: LaneOptions;
  #client: pg.Client | undefined;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /**
   * Begins a transaction and runs the statements in it, in order, in one round trip; their values are gone afterwards.
   * @throws {DatabaseAwayError} and whatever the database says; the transaction is then over.
   */
  async begin(statements: readonly Statement<QueryResultRow>[]): Promise<QueryResult[]> {
    const client = this.#client ?? (await this.#connect());
    try {
      const [, ...results] = await together(client, ['begin', ...statements], this.#options.queryTimeoutMs);
      return results;
    } catch (error) {
      if (isLost(error)) throw this.#lost(error, DatabaseAwayError);
      await this.rollback();
      throw error;
    }
  }

  /**
   * Runs the last statement, if any, and commits, in one round trip.
   * @throws {UnknownOutcomeError} and whatever the database says; in that case nothing is committed.
   */
  async commit(statement: Statement<QueryResultRow> | undefined): Promise<void> {
    const client = this.#client;
    if (!client) throw new DatabaseAwayError('The connection was lost before the commit');
    try {
      await together(client, statement ? [statement, 'commit'] : ['commit'], this.#options.queryTimeoutMs);
    } catch (error) {
      if (isLost(error)) throw this.#lost(error, UnknownOutcomeError);
      throw error;
    }
  }

  /** Ends the open transaction without effect. Never throws: a lost connection ends it too. */
  async rollback(): Promise<void> {
    try {
      if (this.#client) await together(this.#client, ['rollback'], this.#options.queryTimeoutMs);
    } catch (error) {
      this.#lost(error, DatabaseAwayError);
    }
  }

  /** Ends the connection. Call it when no batch is running. */
  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end();
  }

  async #connect(): Promise<pg.Client> {
    const { url, schema, applicationName, connectTimeoutMs, queryTimeoutMs } = this.#options;
    const client = new pg.Client({
      connectionString: url,
      application_name: applicationName,
      options: `-c search_path=${pg.escapeIdentifier(schema)} ${planning}`,
      types: typeParsers,
      pipeline: true,
      connectionTimeoutMillis: connectTimeoutMs,
      statement_timeout: queryTimeoutMs - 250,
      lock_timeout: queryTimeoutMs - 500,
      idle_in_transaction_session_timeout: queryTimeoutMs,
      keepAlive: true,
    });
    client.on('error', () => {
      if (this.#client === client) this.#client = undefined;
    });
    try {
      await client.connect();
    } catch (error) {
      client.end().catch(() => {});
      throw new DatabaseAwayError('The database cannot be reached', { cause: error });
    }
    this.#client = client;
    return client;
  }

  #lost(cause: unknown, Kind: typeof DatabaseAwayError | typeof UnknownOutcomeError): Error {
    const client = this.#client;
    this.#client = undefined;
    client?.end().catch(() => {});
    return new Kind('The connection to the database was lost', { cause });
  }
}

/** What a batch needs of a lane. Replaceable by a planted fault in tests. */
export type BatchLane = Pick<Lane, 'begin' | 'commit' | 'rollback'>;

/**
 * Sends all in one write, so that the server wakes up once; waits for all, so that nothing is under way when the first error
 * is thrown. A server that is silent for `limitMs` has lost the connection. The statements are spent afterwards.
 */
async function together(
  client: pg.Client,
  statements: readonly (string | Statement<QueryResultRow>)[],
  limitMs: number,
): Promise<QueryResult[]> {
  const { stream } = client.connection;
  const silence = setTimeout(() => stream.destroy(new Error('The database did not answer in time')), limitMs);
  stream.cork();
  const sent = statements.map((statement) => answerOf(client, statement));
  stream.uncork();
  const settled = await Promise.allSettled(sent);
  clearTimeout(silence);
  // What pg has of a statement outlives the fast rounds of garbage collection, and a batch's parameters with it.
  for (const statement of statements) if (typeof statement !== 'string') statement.values?.splice(0);
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

/** By callback and without a timer of pg's own: either makes all that belongs to a query last until the next full collection. */
function answerOf(client: pg.Client, statement: string | Statement<QueryResultRow>): Promise<QueryResult> {
  const { promise, resolve, reject } = Promise.withResolvers<QueryResult>();
  const take = (error: Error | null, result: QueryResult) => (error ? reject(error) : resolve(result));
  if (typeof statement === 'string') client.query(statement, take);
  else client.query(statement, take);
  return promise;
}

/**
 * Every statement of the engine finds its rows by key. A plan is made once and kept, so it must not depend on how many
 * rows the tables had then: planned on a young, small table, the server would go on reading it from end to end.
 */
const planning = [
  'plan_cache_mode=force_generic_plan',
  'enable_seqscan=off',
  'enable_hashjoin=off',
  'enable_mergejoin=off',
  'jit=off',
]
  .map((setting) => `-c ${setting}`)
  .join(' ');

/**
 * A server that refuses a statement says so with a SQLSTATE; everything else means that the connection is gone, and so do
 * 08, 57P and 25P03: this process was stopped for so long within a transaction that the server ended it.
 */
function isLost(error: unknown): boolean {
  return !(error instanceof pg.DatabaseError) || error.code === undefined || /^(08|57P|25P03)/.test(error.code);
}
