import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** How far the time of a signature may be from ours, in milliseconds, into the past and into the future. */
export const toleranceMs = 5 * 60 * 1_000;

/** The key in a Standard Webhooks secret: base64, with or without `whsec_` in front. */
export function webhookKey(secret: string): Buffer {
  return Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
}

/**
 * Whether a webhook carries a signature made with `key` within the tolerance around `now` (Standard Webhooks, `v1`).
 * The header may hold several signatures, as while a secret is being rotated; one that fits is enough.
 */
export function hasValidSignature(key: Buffer, headers: IncomingHttpHeaders, rawBody: Buffer, now: Date): boolean {
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'];
  const signatures = headers['webhook-signature'];
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signatures !== 'string') return false;
  if (!/^\d{1,12}$/.test(timestamp)) return false;
  if (Math.abs(now.getTime() - Number(timestamp) * 1_000) > toleranceMs) return false;
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(rawBody).digest();
  return signatures.split(' ').some((signature) => {
    if (!signature.startsWith('v1,')) return false;
    const given = Buffer.from(signature.slice(3), 'base64');
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}
