import { holdVoided } from '@florin/contracts';
import type { Database } from '@florin/database';
import { project } from '@florin/messaging';
import type { Tables } from '../tables.ts';
import { holdWebhook } from '../webhook-events/hold-webhooks.ts';
import { tell, type Wake } from './tell.ts';

export const onHoldVoided = (wake: Wake) =>
  project(holdVoided, 'notification.inbox', async (db: Database<Tables>, events) => {
    const tellings = events.map((event) => ({ event, webhooks: [holdWebhook('hold.voided', event.data)] }));
    await tell(db, wake, tellings);
  });
