import { type Database, type IdempotentAnswer, runIdempotently } from '@florin/database';
import { formatId, parseId } from '@florin/service';
import { endpointDisabled, endpointNotFound, invalidField } from '../errors.ts';
import type { Tables } from '../tables.ts';
import { callEndpoint, reopenDeliveries } from '../webhook-deliveries/delivery-queries.ts';
import { type EventBound, listEventsBetween } from '../webhook-events/event-range-queries.ts';
import type { KeyedCaller, Webhooks } from '../webhooks.ts';
import { lockEndpoint } from './endpoint-queries.ts';

/** Events that one call sends again at most. */
export const mostReplayed = 10_000;

/** From where to where, both included: times in RFC 3339, or ids of events. */
export interface ReplayRange {
  from: string;
  to: string;
}

/**
 * Sends the caller's endpoint what happened in that range once more, with its first ids and bytes: all that it subscribes to now,
 * also what it was not told of then. What is still to be sent is sent once.
 *
 * @throws ProblemError validation_failed, not_found, conflict while the endpoint is disabled
 */
export async function replayEvents(
  db: Database<Tables>,
  { wake }: Webhooks,
  { id: caller, userId: owner, key, fingerprint, path, endpointId }: KeyedCaller & { endpointId: string },
  range: ReplayRange,
): Promise<IdempotentAnswer> {
  const [from, to] = [boundOf(range, 'from'), boundOf(range, 'to')];
  const answer = await runIdempotently(db, { caller, key, fingerprint, path }, async (tx) => {
    const endpoint = await lockEndpoint(tx, owner, endpointId);
    if (!endpoint) throw endpointNotFound();
    if (endpoint.status === 'disabled') throw endpointDisabled();
    // One more than is sent tells where the next call goes on.
    const wanted = { owner, types: endpoint.events, limit: mostReplayed + 1 };
    const found = await listEventsBetween(tx, wanted, { from, to });
    const events = found.slice(0, mostReplayed);
    if (events.length > 0) {
      await reopenDeliveries(tx, { endpoint: endpointId, owner }, events);
      await callEndpoint(tx, endpointId);
    }
    const next = found[mostReplayed];
    const continueFrom = next === undefined ? null : formatId('evt', next);
    return { status: 202, body: { endpoint: formatId('whe', endpointId), events: events.length, continueFrom } };
  });
  wake();
  return answer;
}

function boundOf(range: ReplayRange, name: keyof ReplayRange): EventBound {
  const text = range[name];
  const event = parseId('evt', text);
  if (event !== undefined) return { event };
  const time = new Date(text);
  // A leap second is a time for the schema, but not for Date.
  if (Number.isNaN(time.getTime())) throw invalidField(`/${name}`, 'must be a time or the id of an event');
  return { time };
}
