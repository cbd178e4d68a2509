import { requireUser } from '@florin/auth';
import { idempotencyKey, requestFingerprint } from '@florin/service';
import type { FastifyRequest } from 'fastify';
import type { KeyedCaller } from '../webhooks.ts';

/** Who asks, with what tells a repeat of the request. */
export function keyedCaller(request: FastifyRequest): KeyedCaller {
  const { id, userId } = requireUser(request);
  const path = request.url.split('?', 1)[0] ?? request.url;
  return { id, userId, key: idempotencyKey(request), fingerprint: requestFingerprint(request), path };
}
