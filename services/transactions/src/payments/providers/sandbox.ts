import type { IncomingHttpHeaders } from 'node:http';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import {
  type PaymentOrder,
  type PaymentProvider,
  type PaymentReport,
  ProviderUnclear,
  type Submission,
  type WebhookReading,
} from './provider.ts';
import { hasValidSignature, webhookKey } from './standard-webhooks.ts';

/** Where the sandbox provider is, the key it knows us by, and the secret its webhooks are signed with. */
export interface SandboxSettings {
  url: string;
  apiKey: string;
  webhookSecret: string;
}

const Failure = Type.Object({ code: Type.String(), message: Type.String() });

/** Charges and payouts look the same. */
const Charge = Type.Object({
  id: Type.String({ minLength: 1 }),
  reference: Type.String({ minLength: 1 }),
  amount: Type.String({ pattern: '^[1-9][0-9]{0,18}$' }),
  currency: Type.String(),
  status: Type.Union([Type.Literal('pending'), Type.Literal('succeeded'), Type.Literal('failed')]),
  failure: Type.Optional(Failure),
});

const charge = Compile(Charge);
const accepted = Compile(Type.Object({ id: Type.String({ minLength: 1 }) }));
const refused = Compile(Type.Object({ error: Failure }));
const event = Compile(Type.Object({ type: Type.String(), data: Charge }));

const calls = {
  deposit: { path: '/charges', side: 'source' },
  withdrawal: { path: '/payouts', side: 'destination' },
} as const;

/** Statuses that say the order itself is wrong. 401, 403, 404, 408 and 429 are about us or the moment: asked again. */
const refusals = new Set([400, 402, 409, 410, 422]);

function reportOf(found: Static<typeof Charge>): PaymentReport {
  const unknownFailure = { code: 'declined', message: 'The provider declined the payment.' };
  return {
    reference: found.reference,
    providerReference: found.id,
    amount: BigInt(found.amount),
    currency: found.currency,
    outcome:
      found.status === 'failed' ? { kind: 'failed', failure: found.failure ?? unknownFailure } : { kind: found.status },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Florin's own sandbox provider: see services/sandbox-provider. */
export function sandboxProvider(settings: SandboxSettings): PaymentProvider {
  const key = webhookKey(settings.webhookSecret);

  async function call(path: string, init: RequestInit): Promise<{ status: number; body: unknown }> {
    const response = await fetch(new URL(path, settings.url), {
      ...init,
      headers: { 'x-api-key': settings.apiKey, 'content-type': 'application/json' },
      redirect: 'error',
    });
    return { status: response.status, body: parseJson(await response.text()) };
  }

  return {
    async submit(order: PaymentOrder, signal: AbortSignal): Promise<Submission> {
      const { type, reference, amount, currency, instrument } = order;
      const { path, side } = calls[type];
      const body = JSON.stringify({ reference, amount: amount.toString(), currency, [side]: instrument });
      const answer = await call(path, { method: 'POST', body, signal });
      if (answer.status === 202 && accepted.Check(answer.body))
        return { kind: 'accepted', providerReference: answer.body.id };
      if (refusals.has(answer.status)) {
        const told = refused.Check(answer.body) ? answer.body.error : undefined;
        const failure = told ?? { code: 'provider_refused', message: 'The provider refused the payment.' };
        return { kind: 'refused', failure: { code: failure.code, message: failure.message } };
      }
      throw new ProviderUnclear(`The sandbox provider answered ${answer.status}`, answer.status);
    },

    async find({ type, reference }, signal: AbortSignal): Promise<PaymentReport | undefined> {
      const answer = await call(`${calls[type].path}?reference=${encodeURIComponent(reference)}`, {
        method: 'GET',
        signal,
      });
      if (answer.status === 200 && charge.Check(answer.body)) return reportOf(answer.body);
      if (answer.status === 404 && refused.Check(answer.body)) return undefined;
      throw new ProviderUnclear(`The sandbox provider answered ${answer.status}`, answer.status);
    },

    readWebhook(headers: IncomingHttpHeaders, rawBody: Buffer, now: Date): WebhookReading {
      if (!hasValidSignature(key, headers, rawBody, now)) return { kind: 'forged' };
      const message = parseJson(rawBody.toString('utf8'));
      if (!event.Check(message))
        return { kind: 'unreadable', reason: 'The body is not an event of a charge or payout.' };
      return { kind: 'report', report: reportOf(message.data) };
    },
  };
}
