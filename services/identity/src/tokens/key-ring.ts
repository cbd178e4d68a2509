import { createPublicKey, type KeyObject } from 'node:crypto';
import type { KeySource } from '@florin/auth';
import { type KeyTimes, signingKey } from './rotation-plan.ts';
import { openSigningKey, type PublicKey } from './signing-key.ts';
import type { StoredKey } from './signing-key-queries.ts';

/** The signing keys of this installation, held in memory; also verifies identity's own tokens. */
export interface KeyRing extends KeySource {
  /** The newest key whose time has come. */
  signer(): { kid: string; privateKey: KeyObject };
  /** Every key that is not retired, the coming ones too, so that verifiers know a key before it signs. */
  publicKeys(): PublicKey[];
  /** Reads the keys again. */
  reload(): Promise<void>;
}

interface HeldKey extends KeyTimes {
  publicKey: PublicKey;
  pem: string;
  privateKey: KeyObject;
}

const leastMsBetweenReloads = 1_000;

/**
 * Loads the keys.
 *
 * @throws Error when KEY_ENCRYPTION_KEY does not open them, or there is none that may sign
 */
export async function openKeyRing(read: () => Promise<StoredKey[]>, sealingKey: Buffer): Promise<KeyRing> {
  let keys: HeldKey[] = [];
  let loadedAt = 0;

  async function reload(): Promise<void> {
    loadedAt = performance.now();
    const known = new Map(keys.map((key) => [key.kid, key]));
    keys = (await read()).map((stored) => ({
      ...(known.get(stored.kid) ?? hold(stored, sealingKey)),
      ...timesOf(stored),
    }));
  }

  function signer(): HeldKey {
    // Where this clock is behind the database's, the only key may seem to lie ahead.
    const key = signingKey(keys, new Date()) ?? keys.at(-1);
    if (key === undefined) throw new Error('There is no signing key');
    return key;
  }

  await reload();
  signer();
  return {
    reload,
    signer: () => {
      const { kid, privateKey } = signer();
      return { kid, privateKey };
    },
    publicKeys: () => keys.map((key) => key.publicKey),
    async find(kid) {
      const held = () => keys.find((key) => key.kid === kid)?.pem;
      // Another process may have made the key a moment ago; made-up kids must not drive queries.
      if (held() === undefined && performance.now() - loadedAt > leastMsBetweenReloads) await reload();
      return held();
    },
  };
}

const timesOf = ({ kid, notBefore }: StoredKey): KeyTimes => ({ kid, notBefore });

function hold(stored: StoredKey, sealingKey: Buffer): HeldKey {
  const { publicKey } = stored;
  const { kty, crv, x } = publicKey;
  const pem = createPublicKey({ key: { kty, crv, x }, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
  return {
    ...timesOf(stored),
    publicKey,
    pem: pem.toString(),
    privateKey: openSigningKey(sealingKey, stored.kid, stored.sealed),
  };
}
