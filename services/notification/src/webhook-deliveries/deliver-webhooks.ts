import type { Database } from '@florin/database';
import { formatId, startWorkLoop, type WorkLoop } from '@florin/service';
import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import type { Tables } from '../tables.ts';
import { openSecret, type WebhookKeys } from '../webhook-endpoints/endpoint-secrets.ts';
import { listSecrets } from '../webhook-endpoints/secret-queries.ts';
import { webhookAttemptSeconds, webhookAttempts } from './delivery-metrics.ts';
import { retireEndpoint } from './retire-endpoint.ts';
import { type SendOptions, type SendResult, sendWebhook } from './send-webhook.ts';
import { signatureHeaders } from './signature.ts';
import { traceAttempt } from './trace-attempt.ts';
import { type Attempted, disablingReason, isTaken, nextStep, turnEnd, turnSize } from './turn.ts';
import { claimTurns, type DueDelivery, endTurn, listDue, recordAttempt, type Turn } from './turn-queries.ts';

/** Longer than a turn: the deadline of an attempt, the reading of its answer, and the records. */
const leaseMs = 30_000;
// Webhooks under way when the process ends are better finished: broken off, they go out twice.
const closeGraceMs = 1_000;
const pollMs = 500;
/** Endpoints at a time; requests are `mostAtOnce` times as many at most. */
const concurrency = 64;

/** What webhooks are delivered with. */
export interface WebhookOffice extends SendOptions {
  readonly db: Database<Tables>;
  readonly keys: WebhookKeys;
  readonly logger: { error(details: object, message: string): void; warn(details: object, message: string): void };
}

/**
 * Delivers what is due, endpoint by endpoint in turns: each has a few requests under way and no more, so that a slow one takes
 * places from nobody, and one that fails is left alone for longer and longer. At least once: when the process dies between an
 * answer and its record, the webhook goes out again with the same id and bytes.
 */
export function startWebhooks(office: WebhookOffice): WorkLoop {
  const closing = new AbortController();
  const loop = startWorkLoop<Turn>({
    claim: (limit) => claimTurns(office.db, limit, leaseMs),
    work: async (turn) => {
      if (await takeTurn(office, turn, closing.signal)) loop.wake();
    },
    onError: (error) => office.logger.error({ err: error }, 'webhooks could not be claimed or recorded'),
    concurrency,
    pollMs,
  });
  return {
    // Whoever wakes it has a trace; what is sent now may belong to any other.
    wake: () => context.with(ROOT_CONTEXT, loop.wake),
    async close() {
      const timer = setTimeout(() => closing.abort(), closeGraceMs);
      await loop.close();
      clearTimeout(timer);
    },
  };
}

/** Says whether there may be more to send. */
async function takeTurn(office: WebhookOffice, turn: Turn, closing: AbortSignal): Promise<boolean> {
  const { db } = office;
  const size = turnSize(turn);
  const [due, secrets] = await Promise.all([listDue(db, turn.endpointId, size), readSecrets(office, turn)]);
  const settled = await Promise.allSettled(
    due.map((delivery) => attempt(office, { turn, delivery, secrets }, closing)),
  );
  const attempted = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const end = turnEnd(turn, attempted, new Date(), Math.random());
  await endTurn(db, turn, end);
  const reason = disablingReason(end, attempted);
  if (reason) await retireEndpoint(office, turn, reason);
  // What could not be recorded is sent again: its delivery is as due as before.
  for (const one of settled) if (one.status === 'rejected' && !closing.aborted) throw one.reason;
  return due.length === size && end.restingUntil === null;
}

/** The secrets that can be opened; the others are told of. */
async function readSecrets({ db, keys, logger }: WebhookOffice, { endpointId }: Turn): Promise<Buffer[]> {
  return (await listSecrets(db, endpointId)).flatMap((sealed) => {
    try {
      return [openSecret(keys, endpointId, sealed)];
    } catch {
      const endpoint = formatId('whe', endpointId);
      logger.error({ endpoint }, 'WEBHOOK_SECRETS_KEY does not open what the webhooks of an endpoint are signed with');
      return [];
    }
  });
}

interface Order {
  readonly turn: Turn;
  readonly delivery: DueDelivery;
  readonly secrets: readonly Buffer[];
}

async function attempt(office: WebhookOffice, order: Order, closing: AbortSignal): Promise<Attempted> {
  const { delivery } = order;
  const at = new Date();
  const started = performance.now();
  const result = await send(office, order, at, closing);
  const latencyMs = Math.round(performance.now() - started);
  webhookAttempts.inc({ outcome: outcomeOf(result) });
  webhookAttemptSeconds.observe(latencyMs / 1_000);
  const next = nextStep(delivery, result, at, Math.random());
  const { status, answer, error } = { status: null, answer: null, error: null, ...result };
  await recordAttempt(office.db, delivery.id, { at, latencyMs, status, answer, error }, next);
  return { at, result, next };
}

async function send(
  office: WebhookOffice,
  { turn, delivery, secrets }: Order,
  at: Date,
  closing: AbortSignal,
): Promise<SendResult> {
  // Unsigned, nobody could tell it from a forgery.
  if (secrets.length === 0) return { error: 'unsigned' };
  const event = formatId('evt', delivery.eventId);
  const { body, type } = delivery;
  const facts = { endpoint: formatId('whe', turn.endpointId), event, type, attempt: delivery.attempts + 1 };
  const headers = signatureHeaders({ id: event, at, body }, secrets);
  return await traceAttempt(facts, () => sendWebhook({ url: turn.url, headers, body }, office, closing));
}

function outcomeOf(result: SendResult): string {
  if ('error' in result) return result.error;
  return isTaken(result) ? 'delivered' : 'answered';
}
