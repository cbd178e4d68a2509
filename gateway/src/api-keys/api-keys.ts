import { createHash } from 'node:crypto';
import { isApiKeySecret, isKeyKnown, type KeySource } from '@florin/auth';
import type { RevokedSessions } from '../revoked-sessions.ts';
import type { KeyExchange } from './exchange.ts';
import { ExpiringMap } from './expiring-map.ts';

/** Access tokens for API keys. */
export interface ApiKeys {
  /**
   * A token that services accept for this key, used from this address; undefined when the key is not good for it.
   * Throws upstream_unavailable (503) when that cannot be known.
   */
  tokenFor(secret: string, ip: string): Promise<string | undefined>;
}

export interface ApiKeysOptions {
  readonly exchange: KeyExchange['exchange'];
  /** Kept current by events and by the list of identity; a key in it is refused at once. */
  readonly revoked: RevokedSessions;
  /** A token whose key these no longer have is not held any more. */
  readonly keys?: KeySource;
  /** Good keys and refused ones held at most, each. */
  readonly capacity?: number;
  /** How long a refusal is remembered, in ms. */
  readonly refusalMs?: number;
}

interface HeldToken {
  readonly token: string;
  readonly keyId: string;
}

interface Flight {
  readonly ip: string;
  readonly outcome: Promise<string | undefined>;
}

const defaultCapacity = 10_000;
const defaultRefusalMs = 5_000;

/**
 * Exchanges API keys and keeps their tokens until they expire, so that identity is asked once a minute for a busy key
 * and not at all while it is away. Tokens of revoked keys are dropped here; whoever uses one must check the session of
 * the token all the same, since its revocation may come while identity is answering. Secrets are not held, only their SHA-256. One exchange of a key is under way at a
 * time; who comes meanwhile gets its answer, or its failure.
 */
export function apiKeys(options: ApiKeysOptions): ApiKeys {
  const { exchange, revoked, keys, capacity = defaultCapacity, refusalMs = defaultRefusalMs } = options;
  const tokens = new ExpiringMap<HeldToken>(capacity);
  const refusals = new ExpiringMap<true>(capacity);
  const flights = new Map<string, Flight>();

  /** Undefined: not known. */
  function known(hash: string, bound: string): { token: string | undefined } | undefined {
    const held = tokens.get(hash) ?? tokens.get(bound);
    if (held === undefined) return refusals.get(bound) ? { token: undefined } : undefined;
    if (!revoked.has(held.keyId)) return { token: held.token };
    forget(hash, bound);
    return { token: undefined };
  }

  function forget(hash: string, bound: string): void {
    tokens.delete(hash);
    tokens.delete(bound);
  }

  const isCurrent = async (token: string) => keys === undefined || (await isKeyKnown(keys, token));

  async function ask(secret: string, ip: string, { hash, bound }: { hash: string; bound: string }) {
    const askedAt = performance.now();
    const answer = await exchange(secret, ip);
    if (answer === undefined) {
      refusals.set(bound, true, performance.now() + refusalMs);
      return undefined;
    }
    const { token, expiresIn, key } = answer;
    tokens.set(key.ipBound ? bound : hash, { token, keyId: key.id }, askedAt + expiresIn * 1_000);
    return token;
  }

  async function tokenFor(secret: string, ip: string): Promise<string | undefined> {
    if (!isApiKeySecret(secret)) return undefined;
    const hash = createHash('sha256').update(secret).digest('base64url');
    const bound = `${hash} ${ip}`;
    for (;;) {
      const answer = known(hash, bound);
      if (answer !== undefined) {
        if (answer.token === undefined || (await isCurrent(answer.token))) return answer.token;
        forget(hash, bound);
        continue;
      }
      const flight = flights.get(hash);
      if (flight === undefined) {
        const outcome = ask(secret, ip, { hash, bound }).finally(() => flights.delete(hash));
        flights.set(hash, { ip, outcome });
        return await outcome;
      }
      const outcome = await flight.outcome;
      // From another address the answer may be another; whether it is the same is known now.
      if (flight.ip === ip) return outcome;
    }
  }

  return { tokenFor };
}
