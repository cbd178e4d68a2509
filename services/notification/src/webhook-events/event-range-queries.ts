import type { Transaction } from '@florin/database';
import { sql } from 'kysely';
import type { Tables } from '../tables.ts';
import { testType } from './webhook-event.ts';

/** An end of a range of events: the moment of one, or one of them by its uuid. */
export type EventBound = { readonly time: Date } | { readonly event: string };

const lowest = '00000000-0000-0000-0000-000000000000';
const highest = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/**
 * Ids of a person's events of these types, or of all with `*`, in the order in which they happened, both ends included. Read from
 * the index of the person's events.
 */
export async function listEventsBetween(
  tx: Transaction<Tables>,
  { owner, types, limit }: { owner: string; types: readonly string[]; limit: number },
  { from, to }: { from: EventBound; to: EventBound },
): Promise<string[]> {
  const [first, last] = [await placeOf(tx, owner, from, lowest), await placeOf(tx, owner, to, highest)];
  const { rows } = await sql<{ id: string }>`select id from webhook_events
    where owner_id = ${owner} and (occurred_at, id) >= (${first.time}::timestamptz, ${first.id}::uuid)
      and (occurred_at, id) <= (${last.time}::timestamptz, ${last.id}::uuid)
      and type <> ${testType} and (type = any(${types}::text[]) or '*' = any(${types}::text[]))
    order by occurred_at, id limit ${limit}`.execute(tx);
  return rows.map(({ id }) => id);
}

/** Where a bound stands among the person's events. One that is not kept any more stands where its id says that it was made. */
async function placeOf(tx: Transaction<Tables>, owner: string, bound: EventBound, otherwise: string) {
  if ('time' in bound) return { time: bound.time, id: otherwise };
  const { event: id } = bound;
  const query = tx
    .selectFrom('webhook_events')
    .select('occurred_at')
    .where('id', '=', id)
    .where('owner_id', '=', owner);
  const known = await query.executeTakeFirst();
  return { time: known?.occurred_at ?? new Date(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)), id };
}
