import { setTimeout as sleep } from 'node:timers/promises';
import type { CloudEvent } from '@florin/contracts';
import { unpackEvents } from '@florin/database';
import pg from 'pg';
import type { Logger } from 'pino';
import { createAlertness } from './alertness.ts';
import { createFailureLog } from './failure-log.ts';
import { outboxBacklog, outboxFailures, outboxOldestSeconds, outboxPublished } from './metrics.ts';
import { createOutboxReader, type OutboxRow } from './outbox-reader.ts';
import { sizeOf } from './parcel.ts';
import { type RelaySession, withRelaySession } from './relay-session.ts';
import { describeFailure } from './retry-policy.ts';
import { tracePublish } from './tracing.ts';
import type { Closable, Transport } from './transport.ts';

/** Whose outbox goes where. */
export interface RelayOptions {
  /**
   * The service's runtime role. The relay keeps one connection of its own, for its lock and LISTEN: past PgBouncer in
   * transaction mode neither works, so give the address of Postgres itself.
   */
  databaseUrl: string;
  schema: string;
  transport: Transport;
  logger: Logger;
  /** Events per batch at most; 1000 unless told. */
  batchSize?: number;
}

interface Relay extends RelayOptions {
  batchSize: number;
  closing: AbortSignal;
}

const pollMs = 1_000;
/**
 * Events that follow a batch this closely wait for each other: what a batch costs, from here to the last consumer, is
 * shared. The first one after a pause does not wait.
 */
const gatherMs = 100;
const measureEveryMs = 5_000;
const maxBackoffMs = 5_000;

/**
 * Publishes the outbox in the order of its positions and deletes what was confirmed, exactly those rows. A crash
 * between the two publishes them again, with the same ids.
 *
 * Any number of processes may run it: a session lock lets one work, the others look every second and take over when
 * its connection ends. It is woken by NOTIFY and looks by itself every second; under load it looks every 100 ms, and
 * what has been committed in between is published together.
 */
export function startRelay(options: RelayOptions): Closable {
  const abort = new AbortController();
  const relay: Relay = { ...options, batchSize: options.batchSize ?? 1000, closing: abort.signal };
  const running = supervise(relay);
  return {
    close: async () => {
      abort.abort();
      await running;
    },
  };
}

async function supervise(relay: Relay): Promise<void> {
  const failures = createFailureLog(relay.logger);
  while (!relay.closing.aborted) {
    try {
      await withRelaySession(relay, (session) => lead(relay, session, failures.clear));
    } catch (error) {
      if (!relay.closing.aborted) failures.report(error, { schema: relay.schema }, 'relay without its database');
    }
    outboxBacklog.remove({ schema: relay.schema });
    outboxOldestSeconds.remove({ schema: relay.schema });
    await pause(relay, 500 + Math.random() * 500);
  }
}

async function lead(relay: Relay, session: RelaySession, connected: () => void): Promise<void> {
  const { client } = session;
  while (!(await tryLock(relay, client))) {
    await session.wakeUp.wait(pollMs);
    if (relay.closing.aborted) return;
  }
  connected();
  await client.query(`listen ${pg.escapeIdentifier(`${relay.schema}_outbox`)}`);
  relay.logger.info({ schema: relay.schema }, 'relay active');
  const outbox = createOutboxReader(client, relay.batchSize);
  const alertness = createAlertness(client, relay.schema);
  let measuredAt = 0;
  let failures = 0;
  while (!relay.closing.aborted) {
    if (Date.now() - measuredAt > measureEveryMs) {
      await measure(relay, client);
      measuredAt = Date.now();
    }
    const startedAt = performance.now();
    const rows = await outbox.read();
    await alertness.looked(rows.length > 0);
    if (rows.length === 0) {
      await session.wakeUp.wait(alertness.isAwake ? gatherMs : pollMs);
      continue;
    }
    if (await publishBatch(relay, client, rows)) {
      outbox.settle(rows);
      failures = 0;
      if (sizeOf(rows.map(({ parcel }) => parcel)) < relay.batchSize)
        await pause(relay, startedAt + gatherMs - performance.now());
    } else {
      failures += 1;
      await pause(relay, Math.min(maxBackoffMs, 100 * 2 ** failures));
    }
  }
}

async function tryLock(relay: Relay, client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    "select pg_try_advisory_lock(hashtext('florin relay'), hashtext($1)) as locked",
    [relay.schema],
  );
  return rows[0]?.locked === true;
}

/** False when the transport did not take them; they stay in the outbox. */
async function publishBatch(relay: Relay, client: pg.Client, rows: readonly OutboxRow[]): Promise<boolean> {
  const parcels = rows.map(({ parcel }) => parcel);
  try {
    await tracePublish(parcels, () => relay.transport.publish(parcels));
  } catch (error) {
    outboxFailures.inc({ schema: relay.schema });
    relay.logger.warn({ schema: relay.schema, failure: describeFailure(error) }, 'outbox not published');
    return false;
  }
  await client.query({
    name: 'delete-published',
    text: 'delete from outbox where position = any($1::bigint[])',
    values: [rows.map((row) => row.position)],
  });
  outboxPublished.inc({ schema: relay.schema }, sizeOf(parcels));
  return true;
}

async function measure(relay: Relay, client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ backlog: bigint; event: CloudEvent | null; packed: string | null }>(
    `select backlog, event, packed
     from (select coalesce(sum(size), 0)::bigint as backlog from outbox) as counted
     left join (select event, packed from outbox order by position limit 1) as oldest on true`,
  );
  const { backlog = 0n, event = null, packed = null } = rows[0] ?? {};
  outboxBacklog.set({ schema: relay.schema }, Number(backlog));
  const oldest = packed === null ? event : unpackEvents({ zstd: packed })[0];
  const age = oldest ? Math.max(0, Date.now() - Date.parse(oldest.time)) / 1_000 : 0;
  outboxOldestSeconds.set({ schema: relay.schema }, age);
}

/** Sleeps, but no longer than until the relay is closed. */
async function pause(relay: Relay, ms: number): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal: relay.closing }).catch(() => {});
}
