import { createHmac, timingSafeEqual } from 'node:crypto';

const prefix = 'flr_';
const form = /^flr_[A-Za-z0-9_-]{70}$/;
const uuidLength = 16;
const generationLength = 4;

/** What a refresh token says about itself; nothing in it is believed before `isGenuine`. */
export interface RefreshToken {
  /** uuid */
  sessionId: string;
  generation: number;
  mac: Buffer;
}

/**
 * The refresh token of a session's generation: `flr_` and base64url of session, generation and a 256-bit HMAC over both
 * and the session's seed.
 *
 * It is computed, never stored: the database alone (without the key) and the key alone (without the seed) make no token,
 * the successor can be computed again for a client that lost it, and every spent token is known as such for as long as
 * its session is there.
 */
export function makeRefreshToken(key: Buffer, session: { id: string; seed: Buffer }, generation: number): string {
  const head = headOf(session.id, generation);
  return prefix + Buffer.concat([head, macOf(key, session.seed, head)]).toString('base64url');
}

/** Reads a presented text; undefined for anything that cannot be a refresh token. */
export function readRefreshToken(text: string): RefreshToken | undefined {
  if (!form.test(text)) return undefined;
  const bytes = Buffer.from(text.slice(prefix.length), 'base64url');
  // Four bits of the last character carry nothing: only one spelling of a token is the token.
  if (bytes.toString('base64url') !== text.slice(prefix.length)) return undefined;
  const hex = bytes.toString('hex', 0, uuidLength);
  return {
    sessionId: [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-'),
    generation: bytes.readUInt32BE(uuidLength),
    mac: bytes.subarray(uuidLength + generationLength),
  };
}

/** Whether the token was made by `makeRefreshToken` for the session with this seed; in constant time. */
export function isGenuine(key: Buffer, seed: Buffer, token: RefreshToken): boolean {
  return timingSafeEqual(token.mac, macOf(key, seed, headOf(token.sessionId, token.generation)));
}

function headOf(sessionId: string, generation: number): Buffer {
  const head = Buffer.alloc(uuidLength + generationLength);
  head.write(sessionId.replaceAll('-', ''), 'hex');
  head.writeUInt32BE(generation, uuidLength);
  return head;
}

function macOf(key: Buffer, seed: Buffer, head: Buffer): Buffer {
  return createHmac('sha256', key).update(seed).update(head).digest();
}
