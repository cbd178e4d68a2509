import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { isApiKeySecret, newApiKeySecret } from './api-key-secret.ts';

test('a secret has the prefix, 256 random bits and a checksum, and no two are the same', () => {
  const secrets = Array.from({ length: 1_000 }, newApiKeySecret);
  expect(secrets.every((secret) => /^flk_[0-9A-Za-z]{49}$/.test(secret) && isApiKeySecret(secret))).toBe(true);
  expect(new Set(secrets).size).toBe(1_000);
});

test('the checksum is the CRC-32 of what stands before it, as a scanner would compute it', () => {
  const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  const secret = newApiKeySecret();
  const value = [...secret.slice(-6)].reduce((sum, digit) => sum * 62 + alphabet.indexOf(digit), 0);
  expect(value).toBe(crc32(secret.slice(0, -6)));
});

test('a changed character, another length, or other text is no secret', () => {
  const secret = newApiKeySecret();
  for (let index = 0; index < secret.length; index += 1) {
    const other = secret[index] === 'x' ? 'y' : 'x';
    expect(isApiKeySecret(secret.slice(0, index) + other + secret.slice(index + 1))).toBe(false);
  }
  for (const text of ['', 'flk_', `${secret}0`, secret.slice(1), ` ${secret}`, `${secret}\n`]) {
    expect(isApiKeySecret(text)).toBe(false);
  }
});
