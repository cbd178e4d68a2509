import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { findDuplicateKey } from './duplicate-keys.ts';
import { type ProblemError, problem } from './problems.ts';
import { isOptionalBody } from './schemas.ts';
import { findUnfitText } from './text.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * true: the body is parsed, and its bytes stay on request.rawBody. 'only': bytes of any media type, nothing is
     * parsed and request.body is undefined; for signatures that must be checked before anything is read.
     */
    rawBody?: boolean | 'only';
  }
  interface FastifyRequest {
    /** The bytes as received; only on routes with config.rawBody. */
    rawBody: Buffer | undefined;
  }
}

const mediaType = /^\s*application\/json\s*(;\s*charset\s*=\s*("utf-8"|utf-8)\s*)?;?\s*$/i;
const maxDepth = 100;

function refusal(pointer: string, message: string): ProblemError {
  return problem('validation_failed', 'The body is not acceptable JSON.', { errors: [{ pointer, message }] });
}

function decode(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw refusal('', 'must be UTF-8');
  // Keeps a byte order mark in the text, where JSON.parse refuses it as RFC 8259 allows.
  return bytes.toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refusal('', 'must be valid JSON');
  }
}

/**
 * Parses JSON that can be read in one way only. Throws validation_failed (400) for bytes that are not UTF-8, a byte
 * order mark, duplicate keys, NUL and lone surrogates in texts and keys, keys that reach for prototypes, and nesting
 * deeper than 100.
 */
export function parseJson(bytes: Buffer): unknown {
  const text = decode(bytes);
  const value = parse(text);
  const unfit = findUnfitText(value, maxDepth);
  if (unfit) throw refusal(unfit.pointer, unfit.message);
  const duplicate = findDuplicateKey(text, value);
  if (duplicate !== undefined) throw refusal(duplicate, 'must not be given twice');
  return value;
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}

const mediaTypeProblem = () =>
  problem('unsupported_media_type', 'Send the body as application/json, encoded in UTF-8.');

function parseBody(request: FastifyRequest, bytes: Buffer): unknown {
  const { config, schema } = request.routeOptions;
  const keeps = config.rawBody;
  if (keeps) request.rawBody = bytes;
  if (keeps === 'only') return undefined;
  // A route without a body, called by a client that sends Content-Length: 0 under some media type.
  if (bytes.length === 0 && !schema?.body) return undefined;
  if (!mediaType.test(request.headers['content-type'] ?? '')) throw mediaTypeProblem();
  if (bytes.length === 0) return undefined;
  const value = parseJson(bytes);
  if (!schema?.body && !keeps && !isEmptyObject(value)) {
    throw problem('validation_failed', 'This call takes no body.', {
      errors: [{ pointer: '', message: 'must be left out' }],
    });
  }
  return value;
}

/** Replaces Fastify's body parsers by the strict one. A nested plugin may replace it again for its own routes. */
export function installBodyParser(app: FastifyInstance): void {
  app.decorateRequest('rawBody', undefined);
  app.removeAllContentTypeParsers();
  // One parser for all: Fastify finds that of a type with a name faster than that of any type.
  for (const type of ['application/json', '*']) {
    app.addContentTypeParser(type, { parseAs: 'buffer' }, (request, bytes, done) => {
      try {
        done(null, request.is404 ? undefined : parseBody(request, bytes as Buffer));
      } catch (error) {
        done(error as Error, undefined);
      }
    });
  }
  app.addHook('preValidation', (request, _reply, done) => {
    const isUntyped = request.body === undefined && request.headers['content-type'] === undefined;
    const schema = isUntyped ? request.routeOptions.schema?.body : undefined;
    done(schema !== undefined && !isOptionalBody(schema) ? mediaTypeProblem() : undefined);
  });
}
