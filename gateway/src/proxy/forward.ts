import { isAscii } from 'node:buffer';
import type { Readable } from 'node:stream';
import { problem } from '@florin/service';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { securityHeaderNames } from '../plugins/security-headers.ts';
import { NotAskedError, UpstreamFailure } from './guard.ts';
import { clientResponseHeaders, upstreamRequestHeaders } from './headers.ts';
import type { Instance, Instances } from './instances.ts';

const retryAfterSeconds = 1;
const wholeAnswerBytes = 64 * 1024;

/** Where a route leads. */
export interface Target {
  readonly instances: Instances;
  readonly deadlineMs: number;
}

/** One request on its way to one instance. */
interface Exchange {
  readonly instance: Instance;
  readonly deadlineMs: number;
}

/**
 * Sends a request to one instance and its answer to the client; a problem where there is none. Throws a problem when the
 * service is not asked. Returns nothing: a promise of the reply would have Fastify watch the answer a second time.
 */
export function forward(request: FastifyRequest, reply: FastifyReply, { instances, deadlineMs }: Target): void {
  const instance = instances.pick();
  const leave = enter(instance);
  // Over when the service has answered or failed and the client has all of it or is gone.
  const over = () => void (reply.raw.closed ? leave() : reply.raw.once('close', leave));
  instance.guard
    .run(() => exchange(request, reply, { instance, deadlineMs }))
    .then(over, (error: unknown) => {
      over();
      if (error instanceof UpstreamFailure && !error.timedOut) instances.lost(instance);
      reply.send(asProblem(error));
    });
}

function enter({ guard }: Instance): () => void {
  try {
    return guard.enter();
  } catch (error) {
    throw asProblem(error);
  }
}

/** Resolves when the service has begun to answer, also when the client has left by then. */
function exchange(request: FastifyRequest, reply: FastifyReply, { instance, deadlineMs }: Exchange): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // The client's own timers are coarse and don't count the wait for a connection: they only clean up after this one.
  const deadline = setTimeout(() => reject(new UpstreamFailure(true)), deadlineMs);
  const fail = (error: unknown) => {
    clearTimeout(deadline);
    reject(error);
  };
  const body = Buffer.isBuffer(request.body) ? request.body : undefined;
  try {
    reply.from(undefined, {
      ...(request.routeOptions.config.gatewayRoute?.stream ? {} : { timeout: deadlineMs }),
      getUpstream: () => instance.url,
      ...(body && { body, contentType: request.headers['content-type'] ?? 'application/octet-stream' }),
      rewriteRequestHeaders: () => requestHeaders(request, instance, body),
      rewriteHeaders: (headers) => {
        clearTimeout(deadline);
        resolve();
        return clientResponseHeaders(headers, securityHeaderNames);
      },
      onResponse: (_request, _reply, response) => sendAnswer(reply, response.stream),
      onError: (_reply, { error }) => fail(failureOf(error)),
    });
  } catch (error) {
    // It refuses paths like /..x by throwing. The deadline must go with it: nobody would be there to take its failure.
    fail(error);
  }
  return promise;
}

/** The body of an answer as undici has it: a stream that also gives its bytes at once. */
interface WholeBody {
  bytes(): Promise<Uint8Array>;
}

function isShort(body: object, reply: FastifyReply): body is WholeBody {
  const length = Number(reply.getHeader('content-length') ?? Number.NaN);
  return length <= wholeAnswerBytes && reply.request.method !== 'HEAD' && 'bytes' in body;
}

/** Short answers of known length go out in one piece, which costs far less than a stream; all others as they come. */
function sendAnswer(reply: FastifyReply, body: Readable): void {
  if (reply.sent) {
    // Past the deadline the client already has its 504.
    body.destroy();
    return;
  }
  if (!isShort(body, reply)) {
    reply.send(body);
    return;
  }
  body.bytes().then(
    (bytes) => reply.send(inOnePiece(bytes)),
    // The status that was copied from the service's answer is replaced with the problem's.
    (error: Error) => reply.send(asProblem(failureOf(error))),
  );
}

/** ASCII as text, the same bytes on the wire: Node writes a text together with the headers, a buffer beside them. */
function inOnePiece(bytes: Uint8Array): string | Buffer {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return isAscii(buffer) ? buffer.toString('latin1') : buffer;
}

function requestHeaders(request: FastifyRequest, instance: Instance, body: Buffer | undefined): Record<string, string> {
  return upstreamRequestHeaders(request.headers, {
    host: instance.address,
    clientAddress: request.ip,
    requestId: request.id,
    contentLength: body?.byteLength,
    contentType: request.headers['content-type'],
    webhook: request.routeOptions.config.gatewayRoute?.limit === 'webhook',
  });
}

const refusedByClient = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
]);
const timeouts = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

function failureOf(error: Error): Error {
  const cause: unknown = error.cause ?? error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (refusedByClient.has(code)) return problem('validation_failed', 'The request cannot be forwarded.', { cause });
  return new UpstreamFailure(timeouts.has(code), cause);
}

function asProblem(error: unknown): unknown {
  const extra = { retryAfterSeconds, cause: error };
  if (error instanceof NotAskedError) {
    return problem('upstream_unavailable', 'The service is not available at the moment.', extra);
  }
  if (!(error instanceof UpstreamFailure)) return error;
  return error.timedOut
    ? problem('upstream_timeout', 'The service did not answer in time; whether it acted is not known.', extra)
    : problem('upstream_unavailable', 'The service cannot be reached at the moment.', extra);
}
