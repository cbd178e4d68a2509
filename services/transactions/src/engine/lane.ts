import { planningByKey } from '@florin/database';
import { type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import pg, { type QueryResultRow } from 'pg';
import type { Statement } from './batch-statements.ts';
import { type PreparedStatements, RoundTrip } from './round-trip.ts';

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

interface Connected {
  readonly client: pg.Client;
  readonly prepared: PreparedStatements;
}

const command = (text: string): Statement<QueryResultRow> => ({ name: text, text });

/**
 * One connection on which batches run one after the other: a batch costs two round trips. Connects when needed, and anew
 * after a loss.
 */
export class Lane {
  readonly #options: LaneOptions;
  #connected: Connected | undefined;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /**
   * Begins a transaction and runs the statements in it, in order, in one round trip; gives the rows of each. Their values are
   * gone afterwards.
   * @throws {DatabaseAwayError} and whatever the database says; the transaction is then over.
   */
  async begin(statements: readonly Statement<QueryResultRow>[]): Promise<QueryResultRow[][]> {
    const connected = this.#connected ?? (await this.#connect());
    try {
      const [, ...results] = await this.#together(connected, [command('begin'), ...statements]);
      return results;
    } catch (error) {
      if (isLost(error)) throw this.#lost(error, DatabaseAwayError);
      await this.rollback();
      throw error;
    }
  }

  /**
   * Runs the last statement, if any, and commits, in one round trip.
   * @throws {UnknownOutcomeError} and whatever the database says; in that case nothing is committed, and the transaction is over.
   */
  async commit(statement: Statement<QueryResultRow> | undefined): Promise<void> {
    const connected = this.#connected;
    if (!connected) throw new DatabaseAwayError('The connection was lost before the commit');
    try {
      await this.#together(connected, [...(statement ? [statement] : []), command('commit')]);
    } catch (error) {
      if (isLost(error)) throw this.#lost(error, UnknownOutcomeError);
      await this.rollback();
      throw error;
    }
  }

  /** Ends the open transaction without effect. Never throws: a lost connection ends it too. */
  async rollback(): Promise<void> {
    try {
      if (this.#connected) await this.#together(this.#connected, [command('rollback')]);
    } catch (error) {
      this.#lost(error, DatabaseAwayError);
    }
  }

  /** Ends the connection. Call it when no batch is running. */
  async close(): Promise<void> {
    const connected = this.#connected;
    this.#connected = undefined;
    await connected?.client.end();
  }

  /**
   * A server that is silent for too long has lost the connection. With a timer of pg's own all that belongs to a query would last
   * until the next full collection, and so would a batch's values, which are therefore taken out.
   */
  async #together(
    { client, prepared }: Connected,
    statements: readonly Statement<QueryResultRow>[],
  ): Promise<QueryResultRow[][]> {
    const roundTrip = new RoundTrip(statements, prepared);
    const span = startSpan(statements);
    const silence = setTimeout(() => {
      client.connection.stream.destroy(new Error('The database did not answer in time'));
    }, this.#options.queryTimeoutMs);
    try {
      client.query(roundTrip);
      return await roundTrip.answer;
    } catch (error) {
      span?.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      clearTimeout(silence);
      span?.end();
      for (const { values } of statements) values?.splice(0);
    }
  }

  async #connect(): Promise<Connected> {
    const { url, schema, applicationName, connectTimeoutMs, queryTimeoutMs } = this.#options;
    const client = new pg.Client({
      connectionString: url,
      application_name: applicationName,
      options: `-c search_path=${pg.escapeIdentifier(schema)} ${planning}`,
      connectionTimeoutMillis: connectTimeoutMs,
      statement_timeout: queryTimeoutMs - 250,
      lock_timeout: queryTimeoutMs - 500,
      idle_in_transaction_session_timeout: queryTimeoutMs,
      keepAlive: true,
    });
    client.on('error', () => {
      if (this.#connected?.client === client) this.#connected = undefined;
    });
    try {
      await client.connect();
    } catch (error) {
      client.end().catch(() => {});
      throw new DatabaseAwayError('The database cannot be reached', { cause: error });
    }
    this.#connected = { client, prepared: new Map() };
    return this.#connected;
  }

  #lost(cause: unknown, Kind: typeof DatabaseAwayError | typeof UnknownOutcomeError): Error {
    const connected = this.#connected;
    this.#connected = undefined;
    connected?.client.end().catch(() => {});
    return new Kind('The connection to the database was lost', { cause });
  }
}

/** What a batch needs of a lane. Replaceable by a planted fault in tests. */
export type BatchLane = Pick<Lane, 'begin' | 'commit' | 'rollback'>;

const tracer = trace.getTracer('florin.ledger');

/** In place of the spans that pg's own queries have; only where the trace is recorded. */
function startSpan(statements: readonly Statement<QueryResultRow>[]): Span | undefined {
  if (!trace.getActiveSpan()?.isRecording()) return undefined;
  return tracer.startSpan(`pg.query:${statements.map(({ name }) => name).join(' ')}`, {
    kind: SpanKind.CLIENT,
    attributes: {
      'db.system.name': 'postgresql',
      'db.operation.batch.size': statements.length,
      'db.query.text': statements.map(({ text }) => text).join(';\n'),
    },
  });
}

const planning = Object.entries(planningByKey)
  .map(([name, value]) => `-c ${name}=${value}`)
  .join(' ');

/**
 * A server that refuses a statement says so with a SQLSTATE; everything else means that the connection is gone, and so do
 * 08, 57P and 25P03: this process was stopped for so long within a transaction that the server ended it.
 */
function isLost(error: unknown): boolean {
  return !(error instanceof pg.DatabaseError) || error.code === undefined || /^(08|57P|25P03)/.test(error.code);
}
