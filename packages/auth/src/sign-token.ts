import { createPrivateKey, type KeyObject, sign } from 'node:crypto';

/** `typ` headers of the two kinds of tokens, so that neither passes for the other. */
export const tokenTypes = { user: 'at+jwt', service: 'service+jwt' } as const;

/** What signToken needs. */
export interface SignTokenOptions {
  /** An Ed25519 private key, or its PEM. */
  privateKey: KeyObject | string;
  kid: string;
  typ: string;
  claims: Record<string, unknown>;
}

function segment(value: unknown): string {
  return Buffer.from(JSON.stringify(value), 'utf8').toString('base64url');
}

/** A JWS in compact form, signed with EdDSA (Ed25519). Adds no claims of its own. Throws for any other kind of key. */
export function signToken({ privateKey, kid, typ, claims }: SignTokenOptions): string {
  const key = typeof privateKey === 'string' ? createPrivateKey(privateKey) : privateKey;
  if (key.asymmetricKeyType !== 'ed25519') throw new TypeError('tokens are signed with Ed25519 keys');
  const input = `${segment({ alg: 'EdDSA', typ, kid })}.${segment(claims)}`;
  return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`;
}
