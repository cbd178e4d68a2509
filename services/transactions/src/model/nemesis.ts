import pg from 'pg';
import type { CuttingProxy } from '../testing/cutting-proxy.ts';

/**
 * What can go wrong, once each time. `lost answer`: replica 0 commits and loses the connection before it hears of it.
 * `lost commit`: the connection is gone before the database gets the commit. `killed connection`: the database ends one of
 * the engines' connections, whatever it is doing.
 */
export const faults = ['lost answer', 'lost commit', 'killed connection', 'killed connection'] as const;
export type Fault = (typeof faults)[number];

/** Who makes it go wrong. */
export interface Nemesis {
  strike(fault: Fault): Promise<void>;
  /** How many connections it has broken. */
  readonly strikes: number;
  close(): Promise<void>;
}

/** Starts one; `adminUrl` is a superuser's. Its own connection is opened with the first one that it has to end. */
export function startNemesis(adminUrl: string, proxy: CuttingProxy): Nemesis {
  let admin: Promise<pg.Client> | undefined;
  let killed = 0;
  return {
    async strike(fault) {
      if (fault === 'lost answer') proxy.cut('after-commit', 1);
      else if (fault === 'lost commit') proxy.cut('before-commit', 1);
      else {
        admin ??= connect(adminUrl);
        killed += await killOne(await admin);
      }
    },
    get strikes() {
      return killed + proxy.cuts;
    },
    async close() {
      await (await admin)?.end();
    },
  };
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: 'nemesis' });
  await client.connect();
  return client;
}

/** One that is in the middle of something, if there is one. */
async function killOne(client: pg.Client): Promise<number> {
  const { rows } = await client.query(`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'test-engine'
    order by state = 'idle', random() limit 1`);
  return rows.length;
}
