import { setTimeout as sleep } from 'node:timers/promises';
import type { CloudEvent } from '@florin/contracts';
import type { SerializedEvent } from '@florin/database';
import pg from 'pg';
import { createFailureLog } from '../failure-log.ts';
import { runHandler } from '../run-handler.ts';
import type { TransportSettings } from '../settings.ts';
import type { BroadcastHandler, Closable } from '../transport.ts';

/** NOTIFY takes less than 8000 bytes. */
const maxPayloadBytes = 7_900;
/** Sent instead of an event that is too large: receivers then load everything, as after a lost connection. */
const gap = 'gap';
const aliveCheckMs = 2_000;
const reconnectMs = 500;

const channelOf = (namespace: string) => `${namespace}_broadcast`;

/** Sends events to all processes that listen at this moment. */
export async function notifyAll(pool: pg.Pool, namespace: string, events: readonly SerializedEvent[]): Promise<void> {
  if (events.length === 0) return;
  await pool.query('select pg_notify($1, payload) from unnest($2::text[]) as broadcast (payload)', [
    channelOf(namespace),
    events.map(({ text }) => (Buffer.byteLength(text) > maxPayloadBytes ? gap : text)),
  ]);
}

/** Receives broadcasts on a connection of its own, opened again when it is lost or no longer answers. */
export function receiveNotifications(
  settings: TransportSettings,
  types: readonly string[],
  handler: BroadcastHandler,
): Closable {
  const abort = new AbortController();
  const failures = createFailureLog(settings.logger);
  async function keep(): Promise<void> {
    while (!abort.signal.aborted) {
      try {
        await listen(settings, types, handler, abort.signal, failures.clear);
      } catch (error) {
        if (!abort.signal.aborted) {
          failures.report(error, {}, 'broadcast connection lost');
        }
      }
      await sleep(reconnectMs, undefined, { signal: abort.signal }).catch(() => {});
    }
  }
  const kept = keep();
  return {
    close: async () => {
      abort.abort();
      await kept;
    },
  };
}

async function listen(
  { url, namespace, logger }: TransportSettings,
  types: readonly string[],
  handler: BroadcastHandler,
  closing: AbortSignal,
  connected: () => void,
): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'florin-broadcast',
    connectionTimeoutMillis: 2_000,
    query_timeout: 2_000,
    keepAlive: true,
  });
  client.on('error', () => {});
  client.on('notification', ({ payload }) => {
    if (payload === gap) {
      void runHandler(logger, () => handler.onGap?.());
      return;
    }
    const event = JSON.parse(payload ?? 'null') as CloudEvent | null;
    if (event !== null && types.includes(event.type)) void runHandler(logger, () => handler.onEvent(event));
  });
  try {
    await client.connect();
    await client.query(`listen ${pg.escapeIdentifier(channelOf(namespace))}`);
    connected();
    // Only now is nothing missed any more.
    void runHandler(logger, () => handler.onGap?.());
    for (;;) {
      await sleep(aliveCheckMs, undefined, { signal: closing });
      await client.query('select 1');
    }
  } finally {
    await client.end().catch(() => {});
  }
}
