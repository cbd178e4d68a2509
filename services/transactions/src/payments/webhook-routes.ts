import { type ProblemError, problem, problemResponses } from '@florin/service';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { bringReport } from './end-payment.ts';
import { webhooksReceived } from './payment-metrics.ts';
import type { PaymentProvider } from './providers/provider.ts';
import type { Effect } from './settle-payment.ts';
import type { Payments } from './start-payments.ts';

/** What a webhook did; also its label in webhooks_received_total, which knows `error` besides. */
type WebhookOutcome = Effect | 'unknown' | 'forged' | 'unreadable';

const schema = {
  summary: "A payment provider's webhook",
  description:
    "In the provider's own format; the signature is verified over the raw bytes. Answered with 200 once its effect is " +
    'committed; a repeat, and a payment that is not ours, are 200 without effect, so that the provider stops sending.',
  operationId: 'receiveProviderWebhook',
  tags: ['payments'],
  params: Type.Object({ provider: Type.String({ minLength: 1, maxLength: 50 }) }),
  response: {
    200: Type.Object({ received: Type.Literal(true) }),
    ...problemResponses('validation_failed', 'unauthenticated', 'not_found', 'conflict', 'upstream_unavailable'),
  },
};

function refusalOf(outcome: WebhookOutcome): ProblemError | undefined {
  if (outcome === 'forged') return problem('unauthenticated', 'The signature is missing, wrong or too old.');
  if (outcome === 'unreadable') {
    const errors = [{ pointer: '', message: "must be an event in the provider's format" }];
    return problem('validation_failed', 'The body is not a webhook of this provider.', { errors });
  }
  if (outcome === 'mismatch') return problem('conflict', 'The payment has another amount, currency or charge.');
  return undefined;
}

/** POST /v1/webhooks/providers/{provider}. */
export function webhookRoutes(payments: Pick<Payments, 'access' | 'providers'>) {
  async function receive(name: string, provider: PaymentProvider, request: FastifyRequest): Promise<WebhookOutcome> {
    const rawBody = request.rawBody ?? Buffer.alloc(0);
    const reading = provider.readWebhook(request.headers, rawBody, new Date());
    return reading.kind === 'report' ? bringReport(payments.access, name, reading.report) : reading.kind;
  }

  return async (app: FastifyInstance): Promise<void> => {
    app.post<{ Params: { provider: string } }>(
      '/v1/webhooks/providers/:provider',
      { schema, config: { access: 'public', rawBody: 'only' } },
      async (request) => {
        const { provider: name } = request.params;
        const provider = payments.providers.get(name);
        if (!provider) throw problem('not_found', 'There is no such payment provider.');
        let outcome: WebhookOutcome | 'error' = 'error';
        try {
          outcome = await receive(name, provider, request);
        } finally {
          webhooksReceived.inc({ provider: name, outcome });
        }
        const refusal = refusalOf(outcome);
        if (refusal) throw refusal;
        return { received: true as const };
      },
    );
  };
}
