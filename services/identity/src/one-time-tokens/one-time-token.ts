import { createHash, randomBytes } from 'node:crypto';

/** What a token that came by mail is good for. */
export type TokenPurpose = 'verify_email' | 'reset_password' | 'change_email';

const hour = 3_600_000;

/** How long a token can be used, in milliseconds. */
export const tokenLifeMs: Record<TokenPurpose, number> = {
  verify_email: 24 * hour,
  reset_password: hour,
  change_email: hour,
};

/** Whether this is a purpose of tokens. */
export function isTokenPurpose(text: string): text is TokenPurpose {
  return Object.hasOwn(tokenLifeMs, text);
}

/** 192 random bits, 32 characters that need no escaping in an address and fit on a mail's line with it. */
export function makeToken(): string {
  return randomBytes(24).toString('base64url');
}

/** What is kept of a token. It is long and random, so a fast hash does. */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
