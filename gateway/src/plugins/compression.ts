import compress from '@fastify/compress';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

// Not event streams: what compresses holds events back. Not PDF and the like, which are compressed already.
const worthwhile =
  /^(?:application\/(?:[a-z0-9.-]+\+)?(?:json|xml)|text\/(?:csv|html|plain|css)|application\/javascript)(?:;|$)/;
const leastBytes = 1024;

function isShort(payload: unknown): boolean {
  return (typeof payload === 'string' || Buffer.isBuffer(payload)) && payload.length < leastBytes;
}

/** Compresses answers of 1 KiB and more on routes added afterwards, where the client takes it. Request bodies stay as they are. */
export const compression = fp(
  async (app: FastifyInstance) => {
    app.addHook('onSend', (request, _reply, payload, done) => {
      // Told so, the plugin does not weigh encodings first. Of a HEAD there is nothing to compress but a length to keep.
      if (request.method === 'HEAD' || isShort(payload)) request.headers['x-no-compression'] = 'short';
      done(null, payload);
    });
    await app.register(compress, {
      globalDecompression: false,
      threshold: leastBytes,
      customTypes: worthwhile,
      encodings: ['br', 'gzip'],
    });
  },
  { name: 'florin-compression' },
);
