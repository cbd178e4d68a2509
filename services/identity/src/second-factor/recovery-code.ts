import { createHmac, randomBytes } from 'node:crypto';

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const count = 10;
const length = 16;

/** Ten codes of 80 random bits each, in groups that can be read aloud: `k3x9-…`. */
export function newRecoveryCodes(): string[] {
  return Array.from({ length: count }, () => {
    const characters = [...randomBytes(length)].map((byte) => alphabet.charAt(byte % alphabet.length)).join('');
    return characters.replace(/.{4}(?=.)/g, '$&-');
  });
}

/** What is kept of a code: a keyed hash with the user bound in. Case, blanks and hyphens of the typed code don't matter. */
export function hashRecoveryCode(key: Buffer, userId: string, code: string): Buffer {
  const plain = code.toLowerCase().replace(/[\s-]/g, '');
  return createHmac('sha256', key).update(`${userId} ${plain}`).digest();
}
