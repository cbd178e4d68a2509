import type { Database, Transaction } from '@florin/database';
import { sql } from 'kysely';
import type { Tables } from '../tables.ts';
import { mostAttempts } from './delivery.ts';

type Connection = Database<Tables> | Transaction<Tables>;

/** An endpoint whose turn it is. Nobody else sends to it until the lease is over. */
export interface Turn {
  endpointId: string;
  ownerId: string;
  url: string;
  leasedUntil: Date;
  failures: number;
  failingSince: Date | null;
}

/** A delivery that is due; ids as UUIDs. */
export interface DueDelivery {
  id: string;
  eventId: string;
  type: string;
  body: string;
  /** All so far. */
  attempts: number;
  /** Those since it was opened or opened again. */
  tries: number;
  firstFailedAt: Date | null;
}

/**
 * Takes endpoints for which something is due, those that have waited for longest first. What is sent in a turn is not marked: when
 * its process dies, the lease runs out and it is sent again.
 */
export async function claimTurns(db: Connection, limit: number, leaseMs: number): Promise<Turn[]> {
  const { rows } = await sql<Turn>`update webhook_endpoints
    set leased_until = now() + ${leaseMs} * interval '1 millisecond', due_at = null, called = false
    where id = any(array(
      select id from webhook_endpoints
      where status = 'enabled' and coalesce(leased_until, due_at) <= now()
      order by coalesce(leased_until, due_at) limit ${limit} for no key update skip locked
    ))
    returning id as "endpointId", owner_id as "ownerId", url, leased_until as "leasedUntil", failures,
      failing_since as "failingSince"`.execute(db);
  return rows;
}

/** What is due for an endpoint, the longest overdue first. */
export async function listDue(db: Connection, endpointId: string, limit: number): Promise<DueDelivery[]> {
  const { rows } = await sql<DueDelivery>`select delivery.id, event_id as "eventId", type, body, attempts, tries,
      first_failed_at as "firstFailedAt"
    from webhook_deliveries as delivery
    join webhook_events as event on event.id = delivery.event_id and event.owner_id = delivery.owner_id
    where endpoint_id = ${endpointId} and status = 'pending' and next_attempt_at <= now()
    order by next_attempt_at, delivery.id limit ${limit}`.execute(db);
  return rows;
}

/** What came of an attempt, for the records. */
export interface AttemptRecord {
  at: Date;
  latencyMs: number;
  status: number | null;
  error: string | null;
  answer: string | null;
}

/** How the delivery goes on after it: done, given up, or when again. */
export type NextStep =
  | { readonly status: 'succeeded' }
  | { readonly status: 'failed'; readonly firstFailedAt: Date }
  | { readonly status: 'pending'; readonly firstFailedAt: Date; readonly nextAttemptAt: Date };

/** Records an attempt and how its delivery goes on, in one statement; nothing for a delivery that has been deleted meanwhile. */
export async function recordAttempt(
  db: Connection,
  deliveryId: string,
  made: AttemptRecord,
  next: NextStep,
): Promise<void> {
  const { at, latencyMs, status, error, answer } = made;
  const firstFailedAt = 'firstFailedAt' in next ? next.firstFailedAt : null;
  const nextAttemptAt = 'nextAttemptAt' in next ? next.nextAttemptAt : null;
  await sql`with delivery as (
      update webhook_deliveries set status = ${next.status}, attempts = attempts + 1, tries = tries + 1,
        first_failed_at = ${firstFailedAt}, next_attempt_at = ${nextAttemptAt}, last_status = ${status}, last_attempt_at = ${at}
      where id = ${deliveryId} returning id, attempts
    ), old as (
      delete from webhook_attempts using delivery
      where delivery_id = delivery.id and number <= delivery.attempts - ${mostAttempts}
    )
    insert into webhook_attempts (delivery_id, number, at, status, error, latency_ms, answer)
    select id, attempts, ${at}::timestamptz, ${status}::smallint, ${error}, ${latencyMs}::int, ${answer} from delivery`.execute(
    db,
  );
}

/** How an endpoint stands after a turn. */
export interface TurnEnd {
  failures: number;
  failingSince: Date | null;
  /** Nothing is sent there before. */
  restingUntil: Date | null;
}

/**
 * Ends a turn: the endpoint is due again when the next of its deliveries is. What became due during the turn has set `due_at`
 * itself, which is why the earlier of the two counts. Does nothing where the lease ran out and somebody else has the turn.
 */
export async function endTurn(db: Connection, { endpointId, leasedUntil }: Turn, end: TurnEnd): Promise<void> {
  const { failures, failingSince, restingUntil } = end;
  const rest = sql`case when not called then ${restingUntil}::timestamptz end`;
  // A failure does not count where somebody has changed or called the endpoint meanwhile; a success does.
  const counts = sql`(not called or ${failures}::int = 0)`;
  await sql`update webhook_endpoints as endpoint
    set leased_until = null, resting_until = ${rest},
      failures = case when ${counts} then ${failures}::int else endpoint.failures end,
      failing_since = case when ${counts} then ${failingSince}::timestamptz else endpoint.failing_since end,
      due_at = case when coalesce(endpoint.due_at, next.at) is not null
        then greatest(least(endpoint.due_at, next.at), ${rest}) end
    from (
      select min(next_attempt_at) as at from webhook_deliveries where endpoint_id = ${endpointId} and status = 'pending'
    ) as next
    where endpoint.id = ${endpointId} and leased_until = ${leasedUntil}`.execute(db);
}

/** How many deliveries wait, counted up to a hundred thousand, and for how long the endpoint that waits for longest has been due. */
export async function measureBacklog(db: Connection): Promise<{ pending: number; oldestSeconds: number }> {
  const { rows } = await sql<{ pending: number; oldestSeconds: number }>`select
    (select count(*)::int from (select from webhook_deliveries where status = 'pending' limit 100000) as waiting) as pending,
    (select greatest(0, coalesce(extract(epoch from now() - min(coalesce(leased_until, due_at))), 0))::float8
      from webhook_endpoints where status = 'enabled') as "oldestSeconds"`.execute(db);
  return rows[0] ?? { pending: 0, oldestSeconds: 0 };
}
