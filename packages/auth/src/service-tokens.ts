import { problem } from '@florin/service';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { isKeyKnown } from './key-id.ts';
import type { Fetch, KeySource } from './keys.ts';

const answer = Compile(Type.Object({ token: Type.String({ minLength: 1 }), expiresIn: Type.Number({ minimum: 1 }) }));

/** What serviceTokens needs. */
export interface ServiceTokensOptions {
  /** Base URL of identity, without a path. */
  identityUrl: string;
  /** The name this service is registered under. */
  clientName: string;
  clientSecret: string;
  /** Tokens whose key these no longer have are not used any more. */
  keys?: KeySource;
  fetch?: Fetch;
}

/** Tokens for calls to other services. */
export interface ServiceTokens {
  /** A token that the service named `audience` accepts. Throws upstream_unavailable (503) when identity gives none. */
  tokenFor(audience: string): Promise<string>;
}

interface CachedToken {
  token: string;
  /** On the clock of performance.now(). */
  goodUntil: number;
}

const deadlineMs = 1000;
const spareMs = 30_000;

async function requestToken(options: ServiceTokensOptions, audience: string): Promise<CachedToken> {
  const askedAt = performance.now();
  const { fetch: send = fetch } = options;
  const response = await send(new URL('/internal/service-tokens', options.identityUrl), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client: options.clientName, secret: options.clientSecret, audience }),
    redirect: 'error',
    signal: AbortSignal.timeout(deadlineMs),
  });
  if (!response.ok) throw new Error(`identity answered ${response.status} to a request for a service token`);
  const granted: unknown = await response.json();
  if (!answer.Check(granted)) throw new Error('identity answered without a service token');
  return { token: granted.token, goodUntil: askedAt + granted.expiresIn * 1000 - spareMs };
}

/** Fetches service tokens from identity and keeps each until 30 s before it expires; parallel callers share one fetch. */
export function serviceTokens(options: ServiceTokensOptions): ServiceTokens {
  const cached = new Map<string, CachedToken>();
  const pending = new Map<string, Promise<CachedToken>>();

  function fetchToken(audience: string): Promise<CachedToken> {
    const running = pending.get(audience);
    if (running) return running;
    const started = requestToken(options, audience)
      .then((token) => {
        cached.set(audience, token);
        return token;
      })
      .finally(() => pending.delete(audience));
    pending.set(audience, started);
    return started;
  }

  const isCurrent = async (token: string) => options.keys === undefined || (await isKeyKnown(options.keys, token));

  async function tokenFor(audience: string): Promise<string> {
    const known = cached.get(audience);
    if (known && performance.now() < known.goodUntil && (await isCurrent(known.token))) return known.token;
    try {
      return (await fetchToken(audience)).token;
    } catch (cause) {
      const detail = 'A part of the service is not available just now; try again shortly.';
      throw problem('upstream_unavailable', detail, { retryAfterSeconds: 1, cause });
    }
  }

  return { tokenFor };
}
