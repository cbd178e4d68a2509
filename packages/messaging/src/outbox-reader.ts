import type pg from 'pg';
import { OutboxFloor, type RunningTransactions } from './outbox-floor.ts';
import { type SerializedEvent, serializedFrom } from './serialized-event.ts';

/** An event of the outbox with its place in the order of publishing. */
export interface OutboxRow {
  position: bigint;
  event: SerializedEvent;
}

/** Reads the outbox of the schema that the connection works in, for one relay at a time. */
export interface OutboxReader {
  /** The next events in the order of their positions; the same again until they are settled. */
  read(): Promise<OutboxRow[]>;
  /** These rows have been published and deleted. */
  settle(rows: readonly OutboxRow[]): void;
}

const lookAtAllEveryMs = 900;

/**
 * Reads `limit` events at most, from where the last read has left the outbox empty. Once a second it reads from the
 * beginning, so that nothing waits longer than that whatever is wrong with the floor.
 */
export function createOutboxReader(client: pg.Client, limit: number): OutboxReader {
  const floor = new OutboxFloor();
  let lookedAtAll = Number.NEGATIVE_INFINITY;

  async function readFrom(position: bigint): Promise<OutboxRow[]> {
    const { rows } = await client.query<{ position: bigint; event: string }>({
      name: 'read-outbox',
      text: 'select position, event::text as event from outbox where position > $1 order by position limit $2',
      values: [position, limit],
    });
    return rows.map((row) => ({ position: row.position, event: serializedFrom(row.event) }));
  }

  async function running(): Promise<RunningTransactions> {
    const { rows } = await client.query<{ oldest: string; next: string }>({
      name: 'running-transactions',
      text: `select pg_snapshot_xmin(now) as oldest, pg_snapshot_xmax(now) as next from pg_current_snapshot() as now`,
    });
    return { oldest: BigInt(rows[0]?.oldest ?? 0), next: BigInt(rows[0]?.next ?? 0) };
  }

  return {
    read: async () => {
      const now = performance.now();
      const snapshot = floor.hasGaps ? await running() : undefined;
      const isDue = now - lookedAtAll >= lookAtAllEveryMs;
      const rows = await readFrom(isDue ? 0n : floor.position);
      if (isDue) lookedAtAll = now;
      if (snapshot !== undefined) {
        const positions = rows.map(({ position }) => position);
        const readTo = rows.length < limit ? maxPosition : (positions.at(-1) ?? maxPosition);
        floor.close(snapshot, positions, readTo, now);
      }
      return rows;
    },
    settle: (rows) =>
      floor.settle(
        rows.map(({ position }) => position),
        performance.now(),
      ),
  };
}

const maxPosition = 2n ** 63n - 1n;
