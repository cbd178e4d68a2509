import { createHmac } from 'node:crypto';
import { openProviders, type Providers } from '../payments/providers/providers.ts';
import { webhookKey } from '../payments/providers/standard-webhooks.ts';
import type { Request } from './messages.ts';

const webhookSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

/** The provider as the bank knows it. Nobody calls it: its part is played by who sends its webhooks. */
export const providers: Providers = openProviders({
  sandbox: { url: 'http://127.0.0.1:9', apiKey: 'never used', webhookSecret },
});

/** What has become of a payment. */
export interface ProviderWord {
  /** `txn_…` */
  readonly reference: string;
  /** Minor units. */
  readonly amount: bigint;
  readonly currency: string;
  readonly succeeded: boolean;
}

/** The provider's signed webhook; the same word is the same webhook but for its time. */
export function webhookOf({ reference, amount, currency, succeeded }: ProviderWord): Request {
  const status = succeeded ? 'succeeded' : 'failed';
  const data = { id: `ch_${reference}`, reference, amount: String(amount), currency, status };
  const text = JSON.stringify({ id: `evt_${reference}`, type: `charge.${status}`, data });
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const signed = `evt_${reference}.${timestamp}.${text}`;
  const signature = createHmac('sha256', webhookKey(webhookSecret)).update(signed).digest('base64');
  return {
    method: 'POST',
    url: '/v1/webhooks/providers/sandbox',
    headers: {
      'content-type': 'application/json',
      'webhook-id': `evt_${reference}`,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`,
    },
    body: text,
  };
}
