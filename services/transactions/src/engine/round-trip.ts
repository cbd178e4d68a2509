import { typeParsers } from '@florin/database';
import type { Connection, FieldDef, QueryResultRow, Submittable } from 'pg';
import type { Statement } from './batch-statements.ts';

interface Field {
  readonly name: string;
  readonly parse: (text: string) => unknown;
}

/** The fields of the rows that each prepared statement of a connection gives, by its name. */
export type PreparedStatements = Map<string, readonly Field[]>;

/**
 * Statements that go to the server together, behind one Sync: it answers them with one message instead of one each, and who
 * waits for it wakes up once. The first that fails ends it; the server skips the rest. Each is parsed, and its fields described,
 * once per connection.
 *
 * What pg's client asks of a query of one's own, as pg-cursor has it; protocol: PostgreSQL documentation, 55.2.3.
 */
export class RoundTrip implements Submittable {
  readonly #statements: readonly Statement<QueryResultRow>[];
  readonly #prepared: PreparedStatements;
  readonly #answer = Promise.withResolvers<QueryResultRow[][]>();
  readonly #results: QueryResultRow[][] = [];
  #fields: readonly Field[] = [];
  #rows: QueryResultRow[] = [];
  #unreadable: unknown;

  constructor(statements: readonly Statement<QueryResultRow>[], prepared: PreparedStatements) {
    this.#statements = statements;
    this.#prepared = prepared;
    this.#expectNext();
  }

  /** Resolves with the rows of each statement; rejects with what the server, or the connection's end, says. */
  get answer(): Promise<QueryResultRow[][]> {
    return this.#answer.promise;
  }

  /** Called by pg's client when it is this query's turn. */
  submit(connection: Connection): void {
    connection.stream.cork();
    for (const { name, text, values = [] } of this.#statements) {
      const isNew = !this.#prepared.has(name);
      if (isNew) {
        // One that was parsed and then failed is there without our knowing; to close one that is not there is no error.
        connection.close({ type: 'S', name }, true);
        connection.parse({ name, text, types: [] }, true);
      }
      connection.bind({ statement: name, values }, true);
      if (isNew) connection.describe({ type: 'P', name: '' }, true);
      connection.execute(null, true);
    }
    connection.sync();
    connection.stream.uncork();
  }

  handleRowDescription({ fields }: { fields: readonly FieldDef[] }): void {
    this.#fields = fields.map(({ name, dataTypeID }) => ({
      name,
      parse: typeParsers.getTypeParser(dataTypeID, 'text'),
    }));
  }

  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    try {
      const row: QueryResultRow = {};
      this.#fields.forEach(({ name, parse }, index) => {
        const text = fields[index] ?? null;
        row[name] = text === null ? null : parse(text);
      });
      this.#rows.push(row);
    } catch (error) {
      this.#unreadable ??= error;
    }
  }

  handleCommandComplete(): void {
    const done = this.#statements[this.#results.push(this.#rows) - 1];
    if (done) this.#prepared.set(done.name, this.#fields);
    this.#expectNext();
  }

  handleReadyForQuery(): void {
    if (this.#unreadable === undefined) this.#answer.resolve(this.#results);
    else this.#answer.reject(this.#unreadable);
  }

  handleError(error: unknown): void {
    this.#answer.reject(error);
  }

  #expectNext(): void {
    const next = this.#statements[this.#results.length];
    this.#fields = (next && this.#prepared.get(next.name)) ?? [];
    this.#rows = [];
  }
}
