import { type Database, inTransaction } from '@florin/database';
import { formatId, newUuid } from '@florin/service';
import type { Notice } from '../notifications/notification.ts';
import { insertNotices } from '../notifications/notification-queries.ts';
import type { Tables } from '../tables.ts';
import { disableEndpoint, giveUpWaiting } from '../webhook-endpoints/endpoint-queries.ts';
import { webhookEndpointsDisabled } from './delivery-metrics.ts';
import type { Turn } from './turn-queries.ts';

type Reason = 'gone' | 'failing';

const bodies: Record<Reason, (host: string) => string> = {
  failing: (host) =>
    `For three days ${host} took nothing that we sent. Enable it again once it works, and replay what it missed.`,
  gone: (host) => `${host} answered that it is gone (410). Enable it again should it be back.`,
};

/** Disables an endpoint and tells its owner, both or neither; what waited for it is given up. Nothing for one that is disabled. */
export async function retireEndpoint(
  { db }: { db: Database<Tables> },
  { endpointId, ownerId, url }: Pick<Turn, 'endpointId' | 'ownerId' | 'url'>,
  reason: Reason,
): Promise<void> {
  const notice: Notice = {
    user: formatId('usr', ownerId),
    topic: 'webhook_endpoint.disabled',
    title: 'A webhook endpoint of yours is disabled',
    body: bodies[reason](new URL(url).hostname),
    data: { endpoint: formatId('whe', endpointId) },
  };
  const isRetired = await inTransaction(db, async (tx) => {
    if (!(await disableEndpoint(tx, { id: endpointId, url }, reason))) return false;
    await insertNotices(tx, [{ event: formatId('evt', newUuid()), notices: [notice] }]);
    return true;
  });
  if (!isRetired) return;
  webhookEndpointsDisabled.inc({ reason });
  await giveUpWaiting(db, endpointId);
}
