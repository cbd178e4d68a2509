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

/** What remoteKeys needs. Times in milliseconds. */
export interface RemoteKeysOptions {
  /** Of the key set: …/.well-known/jwks.json */
  url: string;
  /** How long one fetch may take. */
  deadlineMs?: number;
  /** The least time between two fetches because of unknown key ids. */
  refetchMs?: number;
  /** After this age the set is fetched again beside the request that notices. */
  maxAgeMs?: number;
}

async function fetchKeys(url: string, deadlineMs: number): Promise<Map<string, string>> {
  const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(deadlineMs) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return toPems(await response.json());
}

/**
 * Keys fetched over HTTP and kept. An id that is not among them causes a new fetch, at most one every `refetchMs`, so
 * that made-up ids can't drive requests. While the other side is away the known keys stay good.
 */
export function remoteKeys(options: RemoteKeysOptions): KeySource {
  const { url, deadlineMs = 2000, refetchMs = 5000, maxAgeMs = 300_000 } = options;
  let pems: Map<string, string> | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;
  let fetching: Promise<void> | undefined;

  function refresh(): Promise<void> {
    fetching ??= fetchKeys(url, deadlineMs)
      .then((fetched) => {
        pems = fetched;
      })
      .finally(() => {
        triedAt = performance.now();
        fetching = undefined;
      });
    return fetching;
  }

  async function find(kid: string): Promise<string | undefined> {
    const age = performance.now() - triedAt;
    const known = pems?.get(kid);
    if (known !== undefined) {
      if (age > maxAgeMs) void refresh().catch(() => undefined);
      return known;
    }
    // Without any keys a retry is worth more than patience, but not one for every request.
    if (fetching || age > (pems ? refetchMs : Math.min(refetchMs, 500))) await refresh().catch(() => undefined);
    if (!pems) {
      throw problem('upstream_unavailable', 'Tokens cannot be verified just now; try again shortly.', {
        retryAfterSeconds: 1,
      });
    }
    return pems.get(kid);
  }

  return { find };
}
