import type { CloudEvent, QueueName } from '@florin/contracts';
import type pg from 'pg';
import type { TransportSettings } from '../settings.ts';
import type { DeadLetter, DeadLetters } from '../transport.ts';
import type { BusDatabase } from './bus-database.ts';
import { addJobs, busQueue, jobPayload } from './jobs.ts';

/** An event to be given up. */
export interface BuriedEvent {
  event: CloudEvent;
  failure: string;
  attempts: number;
}

/** Puts events of one queue among the dead letters. */
export async function buryEvents(db: pg.Pool, queue: string, dead: readonly BuriedEvent[]): Promise<void> {
  if (dead.length === 0) return;
  await db.query(
    `insert into bus.dead_letters (queue, event, failure, attempts)
     select $1, event, failure, attempts from unnest($2::json[], $3::text[], $4::int[]) as dead (event, failure, attempts)`,
    [
      queue,
      dead.map(({ event }) => JSON.stringify(event)),
      dead.map((one) => one.failure),
      dead.map((one) => one.attempts),
    ],
  );
}

/** The dead letters of one queue: rows of bus.dead_letters. */
export function busDeadLetters(settings: TransportSettings, bus: BusDatabase, name: QueueName): DeadLetters {
  const queue = busQueue(settings.namespace, name);
  const taken = `delete from bus.dead_letters
    where queue = $1 and ($2::text[] is null or event->>'id' = any($2)) returning position, event`;

  return {
    list: (limit) =>
      bus.bounded(async () => {
        const { rows } = await bus.pool.query<DeadLetter>(
          'select event, failure, attempts from bus.dead_letters where queue = $1 order by position limit $2',
          [queue, limit],
        );
        return rows;
      }),
    replay: (eventIds) =>
      bus.bounded(() =>
        inBusTransaction(bus.pool, async (client) => {
          const { rows } = await client.query<{ event: CloudEvent }>(
            `with taken as (${taken}) select event from taken order by position`,
            [queue, eventIds ?? null],
          );
          await addJobs(
            client,
            rows.map(({ event }) => ({ queue, payload: jobPayload([event], 1) })),
          );
          return rows.length;
        }),
      ),
    purge: (eventIds) =>
      bus.bounded(async () => {
        const result = await bus.pool.query(taken, [queue, eventIds ?? null]);
        return result.rowCount ?? 0;
      }),
  };
}

async function inBusTransaction<Result>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    // A connection with a failed transaction is thrown away, and the transaction with it.
    client.release(failure);
  }
}
