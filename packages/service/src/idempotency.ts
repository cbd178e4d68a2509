import { hash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { problem } from './problems.ts';

const key = Type.String({
  minLength: 1,
  maxLength: 255,
  pattern: '^[\\x21-\\x7e]+$',
  description: 'Repeating the request with the same key gives the first answer again',
});

/** `schema.headers` of a route that takes an Idempotency-Key. */
export const idempotencyHeader = Type.Object({ 'Idempotency-Key': Type.Optional(key) });

/** `schema.headers` of a route that demands one; without it the answer is idempotency_key_required (400). */
export const requiredIdempotencyHeader = Type.Object({ 'Idempotency-Key': key });

/** The request's Idempotency-Key. Throws validation_failed unless it is 1..255 visible ASCII characters. */
export function idempotencyKey(request: Pick<FastifyRequest, 'headers'>): string | undefined {
  const value = request.headers['idempotency-key'];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && /^[\x21-\x7e]{1,255}$/.test(value)) return value;
  throw problem('validation_failed', 'The Idempotency-Key header must be 1 to 255 visible ASCII characters.', {
    errors: [{ pointer: '/Idempotency-Key', message: 'must be 1 to 255 visible ASCII characters' }],
  });
}

/** As idempotencyKey, but throws idempotency_key_required (400) where there is none. */
export function requireIdempotencyKey(request: Pick<FastifyRequest, 'headers'>): string {
  const value = idempotencyKey(request);
  if (value === undefined) throw problem('idempotency_key_required', 'This call needs an Idempotency-Key header.');
  return value;
}

/** JSON text with the fields of each object in the order of their names. */
function canonicalText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  const fields = value as Record<string, unknown>;
  let text = '';
  for (const name of Object.keys(fields).sort()) {
    text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${canonicalText(fields[name])}`;
  }
  return `{${text}}`;
}

/** SHA-256 (32 bytes) over method, path and body; the order of fields and blanks in the body don't matter. */
export function requestFingerprint(request: Pick<FastifyRequest, 'method' | 'url' | 'body'>): Buffer {
  const path = request.url.split('?', 1)[0];
  const text = `${request.method} ${path}\n${canonicalText(request.body ?? null)}`;
  // As a text and then into Node's pool: a buffer with memory of its own takes longer than the hash.
  return Buffer.from(hash('sha256', text, 'latin1'), 'latin1');
}
