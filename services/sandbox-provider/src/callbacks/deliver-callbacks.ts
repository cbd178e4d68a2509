import { randomBytes } from 'node:crypto';
import type { Database } from '@florin/database';
import { startWorkLoop, type WorkLoop } from '@florin/service';
import { Counter } from 'prom-client';
import { Webhook } from 'standardwebhooks';
import type { Tables } from '../tables.ts';
import { type Answer, isDone, type RetryPolicy, retryDelayMs } from './callback.ts';
import { type ClaimedCallback, claimCallbacks, markDelivered, scheduleRetry } from './callback-queries.ts';

const deadlineMs = 5_000;
const leaseMs = 15_000;
const pollMs = 500;
const concurrency = 16;

const attempts = new Counter({
  name: 'sandbox_callbacks_total',
  help: 'Webhooks sent, by what the receiver did',
  labelNames: ['outcome'],
});

/** Where webhooks go and how they are signed. `secret` is a Standard Webhooks secret: base64, with or without `whsec_`. */
export interface CallbackTarget {
  url: string;
  secret: string;
  retry: RetryPolicy;
}

async function send(
  url: string,
  headers: Record<string, string>,
  payload: string,
  closing: AbortSignal,
): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: payload,
      redirect: 'manual',
      signal: AbortSignal.any([AbortSignal.timeout(deadlineMs), closing]),
    });
    await response.body?.cancel();
    return { status: response.status };
  } catch (error) {
    return { error: error instanceof Error ? error.name : 'Error' };
  }
}

/**
 * Sends every due webhook until it is answered with a 2xx, signed by the Standard Webhooks scheme with the time of
 * the attempt. At least once: when the process dies between the answer and its record, the webhook is sent again.
 */
export function startCallbacks(
  db: Database<Tables>,
  target: CallbackTarget,
  logger: { error(details: object, message: string): void },
): WorkLoop {
  const closing = new AbortController();
  const signer = new Webhook(target.secret);
  const forger = new Webhook(randomBytes(32).toString('base64'));

  async function attempt(callback: ClaimedCallback): Promise<void> {
    const now = new Date();
    const signature = (callback.forged ? forger : signer).sign(callback.eventId, now, callback.payload);
    const headers = {
      'webhook-id': callback.eventId,
      'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
      'webhook-signature': signature,
    };
    const answer = await send(target.url, headers, callback.payload, closing.signal);
    const told = 'status' in answer ? String(answer.status) : answer.error;
    if (isDone(callback, answer)) {
      attempts.inc({ outcome: callback.forged ? 'forged' : 'delivered' });
      await markDelivered(db, callback.id, told);
    } else {
      attempts.inc({ outcome: 'status' in answer ? 'refused' : 'unreachable' });
      await scheduleRetry(db, callback.id, told, retryDelayMs(target.retry, callback.attempts, Math.random()));
    }
  }

  const loop = startWorkLoop<ClaimedCallback>({
    claim: (limit) => claimCallbacks(db, limit, leaseMs),
    work: attempt,
    onError: (error) => logger.error({ err: error }, 'a webhook could not be claimed or recorded'),
    concurrency,
    pollMs,
  });
  return {
    wake: loop.wake,
    close() {
      // Broken off, not waited for: they are sent again after the next start.
      closing.abort();
      return loop.close();
    },
  };
}
