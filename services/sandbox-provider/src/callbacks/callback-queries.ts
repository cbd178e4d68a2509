import type { Database } from '@florin/database';
import { sql } from 'kysely';
import type { Tables } from '../tables.ts';

/** A webhook taken for one attempt. `attempts` counts this one too. */
export interface ClaimedCallback {
  id: bigint;
  eventId: string;
  forged: boolean;
  payload: string;
  attempts: number;
}

/**
 * Takes due webhooks, oldest first. No other worker sees them until `leaseMs` have passed, so an attempt that died with
 * its process is made again then.
 */
export async function claimCallbacks(db: Database<Tables>, limit: number, leaseMs: number): Promise<ClaimedCallback[]> {
  const { rows } = await sql<ClaimedCallback>`
    update callbacks
    set due_at = now() + ${leaseMs} * interval '1 millisecond', attempts = attempts + 1
    where id in (
      select id from callbacks
      where delivered_at is null and due_at <= now()
      order by due_at, id limit ${limit} for update skip locked
    )
    returning id, event_id as "eventId", forged, payload, attempts`.execute(db);
  return rows.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Records that a webhook needs no further attempt. */
export async function markDelivered(db: Database<Tables>, id: bigint, answer: string): Promise<void> {
  await db
    .updateTable('callbacks')
    .set({ delivered_at: sql<Date>`now()`, last_answer: answer })
    .where('id', '=', id)
    .execute();
}

/** Records a failed attempt and when to try again, in milliseconds from now. */
export async function scheduleRetry(db: Database<Tables>, id: bigint, answer: string, delayMs: number): Promise<void> {
  await db
    .updateTable('callbacks')
    .set({ due_at: sql<Date>`now() + ${delayMs} * interval '1 millisecond'`, last_answer: answer })
    .where('id', '=', id)
    .execute();
}
