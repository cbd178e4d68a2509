import { createPublicKey } from 'node:crypto';
import { problem } from '@florin/service';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';

const jwk = Type.Object({
  kty: Type.Literal('OKP'),
  crv: Type.Literal('Ed25519'),
  x: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }),
  kid: Type.String({ minLength: 1, maxLength: 128 }),
  use: Type.Optional(Type.Literal('sig')),
  alg: Type.Optional(Type.Literal('EdDSA')),
});
const ed25519Key = Compile(jwk);
const keySet = Compile(Type.Object({ keys: Type.Array(Type.Unknown(), { maxItems: 100 }) }));

/** A set of public keys, RFC 7517. */
export interface JsonWebKeySet {
  keys: Static<typeof jwk>[];
}

/** Where the keys come from that tokens are verified with. */
export interface KeySource {
  /** The public key in PEM, or undefined where no key has this id. Throws upstream_unavailable when it can't be known. */
  find(kid: string): Promise<string | undefined>;
}

function toPems(jwks: unknown): Map<string, string> {
  if (!keySet.Check(jwks)) throw new Error('the answer is not a JSON Web Key Set');
  // Keys of other kinds may stand beside ours and are nothing to us.
  const keys = jwks.keys.filter((key) => ed25519Key.Check(key));
  return new Map(
    keys.map(({ kid, kty, crv, x }) => {
      const key = createPublicKey({ key: { kty, crv, x }, format: 'jwk' });
      return [kid, key.export({ type: 'spki', format: 'pem' }).toString()];
    }),
  );
}

/** Keys that never change, as in tests and in the service that owns them. Throws when `jwks` is not a key set. */
export function staticKeys(jwks: JsonWebKeySet): KeySource {
  const pems = toPems(jwks);
  return { find: async (kid) => pems.get(kid) };
}

/** Sends a request, as the global `fetch` does; a caller with several instances of a service picks one here. */
export type Fetch = (url: URL, init: RequestInit) => Promise<Response>;

/** What remoteKeys needs. Times in milliseconds. */
export interface RemoteKeysOptions {
  /** Of the key set: …/.well-known/jwks.json */
  url: string;
  fetch?: Fetch;
  /** How long one fetch may take. */
  deadlineMs?: number;
  /** The least time between two fetches because of unknown key ids. */
  refetchMs?: number;
  /** How often the set is read again: a withdrawn key is refused, and a new one known, that much later at most. */
  pollMs?: number;
}

/** Keys that are read again all the time. */
export interface RemoteKeys extends KeySource {
  /** Reads no more; the known keys stay good. */
  close(): void;
}

const defaults = { fetch, deadlineMs: 2000, refetchMs: 250, pollMs: 1000 };
const firstRetryMs = 500;

async function fetchKeys(url: URL, send: Fetch, signal: AbortSignal): Promise<Map<string, string>> {
  const response = await send(url, { redirect: 'error', signal });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return toPems(await response.json());
}

/**
 * Keys read over HTTP every `pollMs`, so that no request waits for them and a withdrawn key is soon forgotten. An id that is not
 * among them causes a read beside those, at most one every `refetchMs`, so that made-up ids can't drive requests. While the
 * other side is away the known keys stay good.
 */
export function remoteKeys(options: RemoteKeysOptions): RemoteKeys {
  const { fetch: send, deadlineMs, refetchMs, pollMs } = { ...defaults, ...options };
  const url = new URL(options.url);
  const closing = new AbortController();
  let pems: Map<string, string> | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;
  let fetching: Promise<void> | undefined;

  function refresh(): Promise<void> {
    fetching ??= fetchKeys(url, send, AbortSignal.any([closing.signal, AbortSignal.timeout(deadlineMs)]))
      .then((fetched) => {
        pems = fetched;
      })
      // Whoever needs a key that has not come is told so by `find`.
      .catch(() => undefined)
      .finally(() => {
        triedAt = performance.now();
        fetching = undefined;
      });
    return fetching;
  }

  async function find(kid: string): Promise<string | undefined> {
    const known = pems?.get(kid);
    if (known !== undefined) return known;
    const age = performance.now() - triedAt;
    // Without any keys a retry is worth more than patience, but not one for every request.
    if (fetching || age > (pems ? refetchMs : Math.min(refetchMs, firstRetryMs))) await refresh();
    if (!pems) {
      throw problem('upstream_unavailable', 'Tokens cannot be verified just now; try again shortly.', {
        retryAfterSeconds: 1,
      });
    }
    return pems.get(kid);
  }

  const polling = setInterval(refresh, pollMs).unref();
  return {
    find,
    close() {
      clearInterval(polling);
      closing.abort();
    },
  };
}
