import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { seal, unseal } from '@florin/database';

/** A public key as JWKS shows it. */
export interface PublicKey {
  kty: 'OKP';
  crv: 'Ed25519';
  /** base64url */
  x: string;
  kid: string;
  use: 'sig';
  alg: 'EdDSA';
}

/** A new Ed25519 key: the public half for JWKS, the private half sealed for the database. */
export function makeSigningKey(sealingKey: Buffer): { publicKey: PublicKey; sealed: Buffer } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const { x = '' } = publicKey.export({ format: 'jwk' });
  const kid = thumbprint(x);
  const sealed = seal(sealingKey, kid, privateKey.export({ format: 'der', type: 'pkcs8' }));
  return { publicKey: { kty: 'OKP', crv: 'Ed25519', x, kid, use: 'sig', alg: 'EdDSA' }, sealed };
}

/**
 * Opens a sealed private key.
 *
 * @throws Error naming the kid when the sealing key is not the one it was sealed with, or the bytes were changed
 */
export function openSigningKey(sealingKey: Buffer, kid: string, sealed: Buffer): KeyObject {
  try {
    return createPrivateKey({ key: unseal(sealingKey, kid, sealed), format: 'der', type: 'pkcs8' });
  } catch {
    throw new Error(`KEY_ENCRYPTION_KEY does not open the signing key ${kid}`);
  }
}

/** The `kid` of an Ed25519 key by its `x`, RFC 7638 and 8037: the same key has the same wherever it is. */
export function thumbprint(x: string): string {
  return createHash('sha256').update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest('base64url');
}
