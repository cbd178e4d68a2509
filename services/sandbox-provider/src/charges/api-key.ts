import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';

const digest = (text: string) => createHash('sha256').update(text).digest();

/** The answer to anything the provider refuses, in its own format. */
export function refusal(code: string, message: string): { error: { code: string; message: string } } {
  return { error: { code, message } };
}

/**
 * A hook that lets in requests whose X-Api-Key header is `expected`. Digests are compared, so that neither content nor
 * length of the key can be learnt from the time it takes.
 */
export function requireApiKey(expected: string) {
  const expectedDigest = digest(expected);
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const given = request.headers['x-api-key'];
    if (typeof given === 'string' && timingSafeEqual(digest(given), expectedDigest)) return undefined;
    return reply.code(401).send(refusal('invalid_api_key', 'The X-Api-Key header must carry a valid key.'));
  };
}
