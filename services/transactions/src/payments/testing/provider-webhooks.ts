import { createHmac } from 'node:crypto';
import type { Server } from '@florin/service';
import { webhookKey } from '../providers/standard-webhooks.ts';
import { sandboxSecret } from './sandbox-process.ts';

/** How a webhook is delivered; as the sandbox provider would unless told. */
export interface Delivery {
  secret?: string;
  /** When it was signed; milliseconds since 1970. */
  at?: number;
  id?: string;
  provider?: string;
  contentType?: string;
}

/** Delivers exactly these bytes, signed as `delivery` says. */
export function deliver(app: Server, text: string, delivery: Delivery = {}) {
  const { secret = sandboxSecret, at = Date.now(), id = 'evt_1', provider = 'sandbox' } = delivery;
  const timestamp = String(Math.floor(at / 1_000));
  const signature = createHmac('sha256', webhookKey(secret)).update(`${id}.${timestamp}.${text}`).digest('base64');
  return app.inject({
    method: 'POST',
    url: `/v1/webhooks/providers/${provider}`,
    headers: {
      'content-type': delivery.contentType ?? 'application/json',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`,
    },
    payload: text,
  });
}

/** The body of a webhook: a charge of 12.50 USD has succeeded, or as `changes` say. `reference` is the payment's id. */
export function chargeEvent(reference: string, changes: Record<string, unknown> = {}): string {
  const data = { id: `ch_${reference}`, reference, amount: '1250', currency: 'USD', status: 'succeeded', ...changes };
  return JSON.stringify({ id: 'evt_1', type: `charge.${data.status}`, createdAt: new Date().toISOString(), data });
}
