import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { PrivateServer } from './private-server.ts';
import type { Random } from './random.ts';
import { withClient } from './servers.ts';
import type { Stage } from './stage.ts';
import type { Direction, Disturbance } from './tcp-proxy.ts';

/** Something that can go wrong. */
export interface Fault {
  /** What it befalls: one fault at a time there. */
  readonly target: string;
  readonly kind: string;
  /** Does it and undoes it; when it resolves the target is on its way back, or back. */
  strike(): Promise<void>;
}

/** Least and most, milliseconds. */
type Span = readonly [least: number, most: number];

/** Every fault that this stage can suffer. Lengths come from `random`. */
export function faultsOf(stage: Stage, random: Random): Fault[] {
  const { postgres, rabbitmq, redis } = stage.servers;
  return [
    ...processFaults(stage, random),
    // Longer than the 2 s after which the posting engine gives up a query.
    ...proxyFaults('postgres', postgres, random, [2500, 3500]),
    { target: 'postgres', kind: 'kill', strike: () => postgres.kill(random.between(0, 1000)) },
    { target: 'postgres', kind: 'stop', strike: () => freezePostgres(stage, random.between(2500, 4000)) },
    { target: 'postgres', kind: 'terminate backends', strike: () => terminateBackends(stage, random) },
    ...(rabbitmq ? serverFaults('rabbitmq', rabbitmq, random, [1500, 6500]) : []),
    ...(redis ? serverFaults('redis', redis, random, [800, 1600]) : []),
  ];
}

function processFaults({ fleet, replica }: Stage, random: Random): Fault[] {
  const killed = ['transactions', 'gateway', 'accounts', 'notification', 'sandbox-provider'];
  const stopped = ['transactions', 'gateway', 'accounts'];
  const restart = async () => {
    await replica.end('SIGKILL');
    await replica.start();
  };
  return [
    ...killed.map((name) => ({ target: name, kind: 'kill', strike: async () => fleet.kill(name) })),
    ...stopped.map((name) => ({
      target: name,
      kind: 'stop',
      strike: () => freeze([fleet.process(name).pid], random.between(500, 3000)),
    })),
    { target: 'transactions-2', kind: 'kill', strike: restart },
    { target: 'transactions-2', kind: 'stop', strike: () => freeze([replica.pid], random.between(500, 3000)) },
  ];
}

/** `silentMs`: how long it does not answer, least and most. */
function serverFaults(target: string, server: PrivateServer, random: Random, silentMs: Span): Fault[] {
  return [
    ...proxyFaults(target, server, random, silentMs),
    { target, kind: 'kill', strike: () => server.kill(random.between(0, 500)) },
    // To the whole group: RabbitMQ's own process is not its leader.
    { target, kind: 'stop', strike: () => freeze([-server.current.pid], random.between(...silentMs)) },
  ];
}

function proxyFaults(target: string, { proxy }: PrivateServer, random: Random, silentMs: Span): Fault[] {
  const disturbed = (kind: string, ms: Span, disturbance: () => Disturbance): Fault => ({
    target,
    kind,
    strike: async () => {
      proxy.disturb(disturbance());
      await sleep(random.between(...ms));
      proxy.calm();
    },
  });
  const silence = (direction: Direction) =>
    disturbed(`silence ${direction}`, silentMs, () => ({ kind: 'silence', direction }));
  return [
    disturbed('latency', [500, 2000], () => ({ kind: 'latency', ms: random.between(5, 80) })),
    disturbed('slicing', [500, 2000], () => ({ kind: 'slicing', bytes: random.between(64, 1500) })),
    silence('to-server'),
    silence('to-client'),
    { target, kind: 'reset', strike: async () => proxy.reset() },
  ];
}

/** Stops processes for a while. Whoever was killed meanwhile stays dead. */
async function freeze(pids: readonly number[], ms: number): Promise<void> {
  for (const pid of pids) signal(pid, 'SIGSTOP');
  await sleep(ms);
  for (const pid of pids) signal(pid, 'SIGCONT');
}

/** The postmaster's backends are in sessions of their own: a signal to its group does not reach them. */
async function freezePostgres({ servers }: Stage, ms: number): Promise<void> {
  const { pid } = servers.postgres.current;
  const client = new pg.Client({ connectionString: servers.database.url });
  client.on('error', () => {});
  await client.connect();
  // First the one that makes new ones.
  signal(pid, 'SIGSTOP');
  try {
    const { rows } = await client.query<{ pid: number }>('select pid from pg_stat_activity');
    await freeze(
      rows.map((row) => row.pid),
      ms,
    );
  } finally {
    signal(pid, 'SIGCONT');
    client.end().catch(() => {});
  }
}

async function terminateBackends({ servers }: Stage, random: Random): Promise<void> {
  const share = random.between(3, 10) / 10;
  await withClient(servers.database.url, (client) =>
    client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where backend_type = 'client backend' and pid <> pg_backend_pid() and random() < $1`,
      [share],
    ),
  );
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended.
  }
}
