import { type EventOrigin, type PackedEvents, type SerializedEvent, serializedFrom } from '@florin/database';
import type pg from 'pg';
import { OutboxFloor, type RunningTransactions } from './outbox-floor.ts';
import { sizeOf } from './parcel.ts';

/** An event of the outbox, or several packed ones, with its place in the order of publishing. */
export interface OutboxRow {
  position: bigint;
  parcel: SerializedEvent | PackedEvents;
}

interface StoredRow {
  position: bigint;
  event: string | null;
  size: number;
  type: string | null;
  packed: string | null;
  recorded: readonly EventOrigin[] | null;
}

/** Reads the outbox of the schema that the connection works in, for one relay at a time. */
export interface OutboxReader {
  /** The next rows in the order of their positions; the same again until they are settled. */
  read(): Promise<OutboxRow[]>;
  /** These rows have been published and deleted. */
  settle(rows: readonly OutboxRow[]): void;
}

const lookAtAllEveryMs = 900;

/**
 * Reads rows until they hold `limit` events, from where the last read has left the outbox empty. Once a second it reads
 * from the beginning, so that nothing waits longer than that whatever is wrong with the floor.
 */
export function createOutboxReader(client: pg.Client, limit: number): OutboxReader {
  const floor = new OutboxFloor();
  let lookedAtAll = Number.NEGATIVE_INFINITY;

  async function readFrom(position: bigint): Promise<OutboxRow[]> {
    const { rows } = await client.query<StoredRow>({
      name: 'read-outbox',
      text: `select position, event::text as event, size, type, packed, recorded
        from (
          select *, sum(size) over (order by position) - size as before
          from (select * from outbox where position > $1 order by position limit $2) as next
        ) as counted
        where before < $2 order by position`,
      values: [position, limit],
    });
    return rows.map((row) => ({ position: row.position, parcel: parcelOf(row) }));
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
        const isEnd = sizeOf(rows.map(({ parcel }) => parcel)) < limit;
        const readTo = isEnd ? maxPosition : (positions.at(-1) ?? maxPosition);
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

function parcelOf({ event, size, type, packed, recorded }: StoredRow): OutboxRow['parcel'] {
  if (packed === null || type === null) return serializedFrom(event ?? '');
  return { type, size, zstd: packed, recorded: recorded ?? [] };
}
