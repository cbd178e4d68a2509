import { type Compilable, CompiledQuery, type Kysely, type PostgresPool, type PostgresPoolClient } from 'kysely';
import type pg from 'pg';

/** Names by statement. */
const names = new Map<string, string>();

/** Runs a prepared statement with these values and returns its rows. */
export type PreparedStatement<Row> = <Tables>(db: Kysely<Tables>, values: readonly unknown[]) => Promise<Row[]>;

/**
 * A statement that the server parses and plans once per connection instead of at every call, which for small ones is
 * most of their cost. Name the columns of its result: `select *` would fail after a migration that adds one.
 *
 * @throws Error when another statement has the name already
 */
export function prepare<Row = unknown>(name: string, text: string): PreparedStatement<Row> {
  // With its name no other statement has its text: what says the same elsewhere is planned at every call.
  const named = `/* ${name} */ ${text}`;
  register(name, named);
  return async (db, values) => (await db.executeQuery<Row>(CompiledQuery.raw(named, [...values]))).rows;
}

/**
 * The same for a query of Kysely's builder: `.$call(keepPlan)`, where `const keepPlan = planKeeper('find-user')`. The query's text
 * must be the same at every call.
 */
export function planKeeper(name: string): <Query extends Compilable>(query: Query) => Query {
  let isRegistered = false;
  return (query) => {
    if (!isRegistered) register(name, query.compile().sql);
    isRegistered = true;
    return query;
  };
}

function register(name: string, text: string): void {
  for (const [known, taken] of names) {
    if (taken === name && known !== text) throw new Error(`Two statements are called ${name}`);
  }
  names.set(text, name);
}

/** The pool as Kysely is to see it: it gives text and values only, and statements of `prepare` go out with their names. */
export function withStatementNames(pool: pg.Pool): PostgresPool {
  // Kysely knows its connections by the client that it was given.
  const known = new WeakMap<pg.PoolClient, PostgresPoolClient>();
  return {
    options: pool.options,
    connect: async () => {
      const client = await pool.connect();
      const naming = known.get(client) ?? namingClient(client);
      known.set(client, naming);
      return naming;
    },
    end: () => pool.end(),
  };
}

function namingClient(client: pg.PoolClient): PostgresPoolClient {
  const query = (text: string, values: readonly unknown[] = []): unknown => {
    const name = names.get(text);
    const sent = [...values];
    const answer = client.query({ ...(name !== undefined && { name }), text, values: sent });
    // What pg has of a query outlives the fast rounds of garbage collection: with arrays in it, full ones became frequent.
    return answer.finally(() => {
      sent.length = 0;
    });
  };
  return {
    query: query as PostgresPoolClient['query'],
    release: (destroy) => client.release(destroy),
  };
}
