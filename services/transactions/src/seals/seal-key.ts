import { createPrivateKey, createPublicKey, hkdfSync, type KeyObject, sign, verify } from 'node:crypto';

// The frames in which PKCS #8 and SubjectPublicKeyInfo hold the 32 bytes of an Ed25519 key.
const privateFrame = Buffer.from('302e020100300506032b657004220420', 'hex');
const publicFrame = Buffer.from('302a300506032b6570032100', 'hex');

/** Signs seals. */
export interface SealKey {
  /** The public key, 32 bytes in base64url: what seals name and auditors keep. */
  readonly name: string;
  /** Ed25519, 64 bytes. */
  sign(message: Buffer): Buffer;
}

/** The key of an installation, from its secret (24 bytes or more). Equal secrets give equal keys. */
export function sealKey(secret: Buffer): SealKey {
  const seed = Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), 'florin ledger seals', 32));
  const key = createPrivateKey({ key: Buffer.concat([privateFrame, seed]), format: 'der', type: 'pkcs8' });
  const name = publicBytes(createPublicKey(key)).toString('base64url');
  return { name, sign: (message) => sign(null, message, key) };
}

/** Whether the owner of the key of that name has signed the message. False also for a name that is no key. */
export function isSignedBy(name: string, message: Buffer, signature: Buffer): boolean {
  const bytes = Buffer.from(name, 'base64url');
  if (bytes.length !== 32) return false;
  const key = createPublicKey({ key: Buffer.concat([publicFrame, bytes]), format: 'der', type: 'spki' });
  return verify(null, message, key, signature);
}

function publicBytes(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(publicFrame.length);
}
