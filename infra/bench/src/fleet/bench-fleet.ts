import { randomBytes } from 'node:crypto';
import { createClient } from '@florin/client';
import { obtainRabbitmq, obtainRedis } from '@florin/local';
import { parseId } from '@florin/service';
import { type Fleet, startFleet } from '@florin/testing';
import type { Credentials } from '../load/order.ts';
import type { BenchOptions } from '../options.ts';
import { seedAccounts, seedLedger } from '../seed.ts';
import { type BenchServer, createDatabase, withClient } from '../servers/postgres.ts';
import { usedByFleet } from './cpu-time.ts';

const customers = 100;

/** The real processes on the bench's Postgres, with customers and 100,000 funded accounts. */
export interface BenchFleet {
  /** A superuser's address. */
  readonly databaseUrl: string;
  readonly gateway: string;
  /** The transactions service itself. */
  readonly service: string;
  /** Access tokens of the customers; the owner of account n is the one with the number n modulo their count. */
  readonly tokens: readonly string[];
  /** What the customers log in with. */
  readonly people: readonly Credentials[];
  /** Process ids by name, as they are now. */
  processes(): ReadonlyMap<string, number>;
  /** Processor seconds used so far, by process and by what Postgres' connections are for; see `usedByFleet`. */
  cpu(): Promise<ReadonlyMap<string, number>>;
  /** Of the posting engine, since its start. */
  batches(): Promise<{ commands: number; batches: number }>;
  stop(): Promise<void>;
}

/**
 * Starts the fleet as `npm start` does, on free ports in a temporary folder, with its default settings but for rate
 * limits. With `profiles` every process writes a CPU profile to that folder when it ends.
 */
export async function startBenchFleet(
  server: BenchServer,
  { transport }: Pick<BenchOptions, 'transport'>,
  profiles?: string,
): Promise<BenchFleet> {
  const databaseUrl = await createDatabase(server.url, 'florin');
  const servers = transport === 'rabbitmq' ? await Promise.all([obtainRabbitmq(), obtainRedis()]) : [];
  const [rabbitmq, redis] = servers;
  const stopServers = async () => void (await Promise.all(servers.map((one) => one.stop())));
  try {
    const fleet = await startFleet({
      transport: 'embedded',
      env: {
        DATABASE_URL: databaseUrl,
        FLORIN_RATE_LIMITS: 'off',
        ...(rabbitmq === undefined ? {} : { AMQP_URL: rabbitmq.url }),
        ...(redis === undefined ? {} : { REDIS_URL: redis.url }),
        ...(profiles === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profiles}` }),
      },
    });
    const stop = async () => {
      await fleet.stop();
      await stopServers();
    };
    try {
      return await furnish(fleet, databaseUrl, stop);
    } catch (error) {
      await fleet.stop();
      throw error;
    }
  } catch (error) {
    await stopServers();
    throw error;
  }
}

async function furnish(fleet: Fleet, databaseUrl: string, stop: () => Promise<void>): Promise<BenchFleet> {
  const people = await signUp(fleet.gateway);
  await withClient(databaseUrl, async (client) => {
    await seedLedger(
      client,
      people.map(({ userId }) => userId),
    );
    await seedAccounts(client);
    // What the seeding has left behind would be written out in the middle of a run.
    await client.query('checkpoint');
  });
  const processes = () => new Map(fleet.processes.map(({ name }) => [name, fleet.process(name).pid]));
  return {
    databaseUrl,
    gateway: fleet.gateway,
    service: fleet.process('transactions').url,
    tokens: people.map(({ token }) => token),
    people,
    processes,
    cpu: () => usedByFleet({ ...Object.fromEntries(processes()), supervisor: fleet.supervisor }, databaseUrl),
    batches: () => readBatches(fleet.process('transactions').metrics),
    stop,
  };
}

interface Customer extends Credentials {
  readonly userId: string;
  readonly token: string;
}

async function signUp(gateway: string): Promise<Customer[]> {
  const one = async (_: unknown, number: number): Promise<Customer> => {
    const client = createClient({ baseUrl: gateway });
    const password = randomBytes(18).toString('base64url');
    const email = `customer-${number}@bench.florin.example`;
    const { id } = await client.register({ email, password, name: `Customer ${number}` });
    const { accessToken } = await client.login({ email, password });
    const userId = parseId('usr', id);
    if (userId === undefined) throw new Error(`${id} is no user.`);
    return { userId, token: accessToken, email, password };
  };
  const all: Customer[] = [];
  // A few at a time: each costs two password hashes.
  for (let first = 0; first < customers; first += 10) {
    all.push(...(await Promise.all(Array.from({ length: 10 }, (_, index) => one(_, first + index)))));
  }
  return all;
}

async function readBatches(url: string): Promise<{ commands: number; batches: number }> {
  const text = await (await fetch(url, { signal: AbortSignal.timeout(5000) })).text();
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  return { commands: value('ledger_batch_size_sum'), batches: value('ledger_batch_size_count') };
}
