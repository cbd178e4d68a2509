import { createHmac, type KeyObject, sign } from 'node:crypto';

/** Fields of a header, or claims. */
export type Fields = Record<string, unknown>;

/** What tokens are forged from. */
export interface Forgery {
  /** The issuer that verifiers pin. */
  readonly issuer: string;
  /** The key that tokens are really signed with: some cases are about what a signature does not say. */
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** Good claims of a user's access token, and of a service's for this very verifier. */
  userClaims(): Fields;
  serviceClaims(): Fields;
}

/** An `Authorization` header that no verifier may accept; undefined: none is sent. */
export interface TokenAttack {
  readonly name: string;
  readonly authorization: string | undefined;
  /** `unauthenticated` unless this is said. */
  readonly code?: 'token_expired';
}

/** Base64url of a text as it is, and of anything else as JSON. */
export function encode(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

/** Header and claims as they stand, with the signature that this kind of key makes in JWS. */
export function signed(header: unknown, claims: unknown, key: KeyObject): string {
  return signedText(`${encode(header)}.${encode(claims)}`, key);
}

/** As `signed`, of a signing input that is encoded already. */
export function signedText(input: string, key: KeyObject): string {
  const digest = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  return `${input}.${sign(digest, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

/** Signed with a text as secret, as HS256, HS384 and HS512 do. */
export function keyed(header: Fields, claims: Fields, secret: string): string {
  const input = `${encode(header)}.${encode(claims)}`;
  const digest = String(header.alg).replace('HS', 'sha');
  return `${input}.${createHmac(digest, secret).update(input).digest('base64url')}`;
}

/** The fields but one. */
export function without(fields: Fields, name: string): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([key]) => key !== name));
}

/** The order of the group of Ed25519 (RFC 8032, 5.1). */
const order = 2n ** 252n + 27742317777372353535851937790883648493n;

/** The same signature with S + L for S: equal to a verifier that does not check S < L (RFC 8032, 5.1.7). */
export function malleated(token: string): string {
  const [header, claims, signature = ''] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  let scalar = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString('hex')}`) + order;
  for (let index = 32; index < 64; index += 1) {
    bytes[index] = Number(scalar & 0xffn);
    scalar >>= 8n;
  }
  return `${header}.${claims}.${bytes.toString('base64url')}`;
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Another spelling of the same bytes: base64url whose unused last bits are not zero. The text must not be whole groups of three bytes. */
export function respelled(part: string): string {
  const last = alphabet.indexOf(part.at(-1) ?? '');
  return part.slice(0, -1) + alphabet[last + 1];
}

/** A text whose JSON has unused bits at its end in base64url; blanks after JSON mean nothing. */
export function unevenJson(fields: Fields): string {
  const text = JSON.stringify(fields);
  return Buffer.byteLength(text) % 3 === 0 ? `${text} ` : text;
}
