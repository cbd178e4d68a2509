import { generateSync, stringToBytes } from 'otplib';
import { describe, expect, it } from 'vitest';
import { acceptedStep, newTotpSecret, otpauthUri } from './totp.ts';

/** `12345678901234567890` in base32, the secret of RFC 6238, appendix B. */
const rfcSecret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';

/** Seconds since 1970, the time step, and the last six of the eight digits that the RFC gives for SHA-1. */
const rfcVectors: [number, number, string][] = [
  [59, 1, '287082'],
  [1_111_111_109, 37_037_036, '081804'],
  [1_111_111_111, 37_037_037, '050471'],
  [1_234_567_890, 41_152_263, '005924'],
  [2_000_000_000, 66_666_666, '279037'],
  [20_000_000_000, 666_666_666, '353130'],
];

describe('RFC 6238, appendix B', () => {
  it.each(rfcVectors)('at %i s, step %i, the code is %s', (seconds, step, code) => {
    expect(acceptedStep(rfcSecret, code, seconds * 1_000, undefined)).toBe(step);
  });

  it.each([
    ['sha256', '12345678901234567890123456789012', '46119246'],
    ['sha512', '1234567890123456789012345678901234567890123456789012345678901234', '90693936'],
    ['sha1', '12345678901234567890', '94287082'],
  ] as const)('the library computes the vector of %s too', (algorithm, secret, code) => {
    expect(generateSync({ secret: stringToBytes(secret), algorithm, digits: 8, epoch: 59 })).toBe(code);
  });
});

describe('acceptedStep', () => {
  const secret = newTotpSecret();
  const step = 60_000_000;
  const codeOf = (which: number) => generateSync({ secret, epoch: which * 30 });

  it.each([0, 29_999])('accepts the step, the one before and the one after, and no other (%i ms into it)', (into) => {
    const now = step * 30_000 + into;
    const accepted = [-2, -1, 0, 1, 2].map((away) => acceptedStep(secret, codeOf(step + away), now, undefined));
    expect(accepted).toEqual([undefined, step - 1, step, step + 1, undefined]);
  });

  it('accepts no step that was used, nor one before it, nor anything when the clock was set back', () => {
    const now = step * 30_000;
    expect(acceptedStep(secret, codeOf(step), now, step)).toBeUndefined();
    expect(acceptedStep(secret, codeOf(step - 1), now, step)).toBeUndefined();
    expect(acceptedStep(secret, codeOf(step + 1), now, step)).toBe(step + 1);
    expect(acceptedStep(secret, codeOf(step), now, step + 500)).toBeUndefined();
  });

  it.each(['', '12345', '1234567', 'abcdef', '１２３４５６', '12345\n', ' 12345'])(
    'refuses %j without a throw',
    (text) => {
      expect(acceptedStep(secret, text, 0, undefined)).toBeUndefined();
    },
  );
});

it('otpauthUri names issuer, account and secret', () => {
  const uri = new URL(otpauthUri('a+b@example.com', rfcSecret));
  expect([uri.protocol, uri.host]).toEqual(['otpauth:', 'totp']);
  expect(decodeURIComponent(uri.pathname)).toBe('/Florin:a+b@example.com');
  expect(uri.searchParams.get('secret')).toBe(rfcSecret);
  expect(uri.searchParams.get('issuer')).toBe('Florin');
});
