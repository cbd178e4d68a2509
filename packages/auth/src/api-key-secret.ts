import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const randomLength = 43;
const checksumLength = 6;
const form = /^flk_[0-9A-Za-z]{49}$/;

/**
 * A new secret of an API key: `flk_`, 256 random bits in base62 (43 characters), and the CRC-32 of what stands before it
 * in base62 (6 characters). Prefix and checksum let secret scanners tell a leaked key from other text without asking.
 */
export function newApiKeySecret(): string {
  const unchecked = `flk_${base62(BigInt(`0x${randomBytes(32).toString('hex')}`), randomLength)}`;
  return unchecked + checksum(unchecked);
}

/** Whether a text has the form and checksum of such a secret. It says nothing of whether the key exists. */
export function isApiKeySecret(text: string): boolean {
  return form.test(text) && checksum(text.slice(0, -checksumLength)) === text.slice(-checksumLength);
}

function checksum(text: string): string {
  return base62(BigInt(crc32(text)), checksumLength);
}

function base62(value: bigint, length: number): string {
  let rest = value;
  let digits = '';
  while (rest > 0n) {
    digits = alphabet.charAt(Number(rest % 62n)) + digits;
    rest /= 62n;
  }
  return digits.padStart(length, '0');
}
