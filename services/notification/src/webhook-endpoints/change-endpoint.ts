import type { Database } from '@florin/database';
import { endpointNotFound } from '../errors.ts';
import type { Tables } from '../tables.ts';
import { targetProblem } from '../webhook-targets/check-target.ts';
import type { Webhooks } from '../webhooks.ts';
import {
  deleteEndpoints,
  type EndpointChange,
  findEndpoint,
  giveUpWaiting,
  updateEndpoint,
} from './endpoint-queries.ts';
import type { WebhookEndpoint } from './webhook-endpoint.ts';

/**
 * Changes the person's endpoint. What waited for one that is disabled is given up.
 *
 * @throws ProblemError not_found, webhook_url_not_allowed
 */
export async function changeEndpoint(
  db: Database<Tables>,
  webhooks: Webhooks,
  { owner, id }: { owner: string; id: string },
  change: EndpointChange,
): Promise<WebhookEndpoint> {
  // Whose it is comes first: what is wrong with a URL is nobody else's to learn.
  if (!(await findEndpoint(db, owner, id))) throw endpointNotFound();
  const refusal = change.url === undefined ? undefined : await targetProblem(change.url, webhooks);
  if (refusal) throw refusal;
  const changed = await updateEndpoint(db, owner, id, change);
  if (!changed) throw endpointNotFound();
  if (change.status === 'disabled') await giveUpWaiting(db, id);
  webhooks.wake();
  return changed;
}

/**
 * Deletes the person's endpoint with all that was delivered to it. Called again when it took too long, it goes on.
 *
 * @throws ProblemError not_found
 */
export async function deleteEndpoint(db: Database<Tables>, owner: string, id: string): Promise<void> {
  // Nothing is sent or opened any more while its deliveries go, piece by piece.
  if (!(await updateEndpoint(db, owner, id, { status: 'disabled' }))) throw endpointNotFound();
  await deleteEndpoints(db, [id]);
}
