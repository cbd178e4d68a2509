import { type Database, type IdempotentAnswer, runSealed, type Transaction } from '@florin/database';
import { newUuid, type ProblemError } from '@florin/service';
import { callerGone, tooManyEndpoints } from '../errors.ts';
import type { Tables } from '../tables.ts';
import { targetProblem } from '../webhook-targets/check-target.ts';
import type { KeyedCaller, Webhooks } from '../webhooks.ts';
import { findOwner, insertEndpoint, lockOwner } from './endpoint-queries.ts';
import { newSecret, sealSecret, shownSecret } from './endpoint-secrets.ts';
import { insertSecret } from './secret-queries.ts';
import { mostEndpoints, viewEndpoint, type WebhookEndpoint } from './webhook-endpoint.ts';

/** The endpoint that somebody wants. */
export interface EndpointOrder {
  url: string;
  events: string[];
  description?: string | null;
}

/**
 * Makes an endpoint; its secret is in the answer, encrypted in the table, and nowhere else.
 *
 * @throws ProblemError conflict with too many endpoints
 */
export async function createEndpoint(
  db: Database<Tables>,
  webhooks: Webhooks,
  caller: KeyedCaller,
  order: EndpointOrder,
): Promise<IdempotentAnswer> {
  // Asked before, told only to a first call: a replay gets the first answer, wherever the name leads by then.
  const refusal = await targetProblem(order.url, webhooks);
  const { id, key, fingerprint, path } = caller;
  const sealing = { sealingKey: webhooks.keys.keptAnswers, context: `webhook endpoint ${id} ${key ?? ''}` };
  return await runSealed(db, { caller: id, key, fingerprint, path, ...sealing }, async (tx) => ({
    status: 201,
    body: await makeEndpoint(tx, webhooks, caller, { order, refusal }),
  }));
}

async function makeEndpoint(
  tx: Transaction<Tables>,
  { keys }: Webhooks,
  { userId }: KeyedCaller,
  { order, refusal }: { order: EndpointOrder; refusal: ProblemError | undefined },
): Promise<object> {
  if (refusal) throw refusal;
  await lockOwner(tx, userId);
  const owner = await findOwner(tx, userId);
  if (owner.erased) throw callerGone();
  if (owner.endpoints >= mostEndpoints) throw tooManyEndpoints(mostEndpoints);
  const { url, events, description = null } = order;
  const secret = newSecret();
  const endpoint: WebhookEndpoint = {
    ...{ id: newUuid(), url, events, description, status: 'enabled', disabledFor: null, failingSince: null },
    createdAt: new Date(),
  };
  await insertEndpoint(tx, userId, endpoint);
  await insertSecret(tx, endpoint.id, sealSecret(keys, endpoint.id, secret));
  return { ...viewEndpoint(endpoint), secret: shownSecret(secret) };
}
