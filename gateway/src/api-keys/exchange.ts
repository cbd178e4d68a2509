import type { Fetch, ServiceTokens } from '@florin/auth';
import { ProblemError, problem } from '@florin/service';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { Guard, UpstreamFailure } from '../proxy/guard.ts';

const answer = Type.Object({
  token: Type.String({ minLength: 1 }),
  expiresIn: Type.Number({ minimum: 1, maximum: 60 }),
  key: Type.Object({ id: Type.String({ minLength: 1 }), ipBound: Type.Boolean() }),
});
const exchanged = Compile(answer);
const refusal = Compile(Type.Object({ code: Type.Literal('invalid_credentials') }));

/** An access token for an API key, its life in seconds, and whether it is for this client's address alone. */
export type ExchangedKey = Static<typeof answer>;

/** Asks identity for the access token of an API key. */
export interface KeyExchange {
  /**
   * The token for a key used from this address; undefined when the key is not good for it. Throws upstream_unavailable
   * (503) when identity does not say.
   */
  exchange(secret: string, ip: string): Promise<ExchangedKey | undefined>;
  close(): void;
}

export interface KeyExchangeOptions {
  readonly identityUrl: string;
  readonly fetch?: Fetch;
  readonly tokens: ServiceTokens;
}

const deadlineMs = 1_000;
/** Exchanges under way at most: made-up keys must not take identity's time from logins. */
const mostUnderWay = 64;

async function ask(options: KeyExchangeOptions, secret: string, ip: string): Promise<ExchangedKey | undefined> {
  const token = await options.tokens.tokenFor('identity');
  const { fetch: send = fetch } = options;
  const response = await send(new URL('/internal/api-keys/exchange', options.identityUrl), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ secret, ip }),
    redirect: 'error',
    signal: AbortSignal.timeout(deadlineMs),
  });
  const body: unknown = await response.json();
  if (response.status === 200 && exchanged.Check(body)) return body;
  // Another 401 is about the gateway's own token.
  if (response.status === 401 && refusal.Check(body)) return undefined;
  throw new Error(`identity answered ${response.status} to an exchange of an API key`);
}

/** Exchanges keys at identity; behind a breaker, and with a bound on what is under way. */
export function keyExchange(options: KeyExchangeOptions): KeyExchange {
  const guard = new Guard({ upstream: 'identity API keys', address: new URL(options.identityUrl).host }, mostUnderWay);

  async function guarded(secret: string, ip: string): Promise<ExchangedKey | undefined> {
    const leave = guard.enter();
    let result: ExchangedKey | undefined;
    try {
      await guard.run(async () => {
        result = await ask(options, secret, ip).catch((cause: unknown) => {
          if (cause instanceof ProblemError) throw cause;
          throw new UpstreamFailure(false, cause);
        });
      });
      return result;
    } finally {
      leave();
    }
  }

  return {
    exchange: (secret, ip) =>
      guarded(secret, ip).catch((cause: unknown) => {
        throw problem('upstream_unavailable', 'API keys cannot be verified just now; try again shortly.', {
          retryAfterSeconds: 1,
          cause,
        });
      }),
    close: () => guard.close(),
  };
}
