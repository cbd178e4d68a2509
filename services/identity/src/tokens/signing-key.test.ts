import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { makeSigningKey, openSigningKey, thumbprint } from './signing-key.ts';

it('a key id is the thumbprint that RFC 8037, A.3 computes', () => {
  const x = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo';
  expect(thumbprint(x)).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
});

it('a private half opens with its sealing key and under its own id alone', () => {
  const sealingKey = randomBytes(32);
  const [one, other] = [makeSigningKey(sealingKey), makeSigningKey(sealingKey)];
  expect(openSigningKey(sealingKey, one.publicKey.kid, one.sealed).asymmetricKeyType).toBe('ed25519');
  expect(() => openSigningKey(sealingKey, one.publicKey.kid, other.sealed)).toThrow('KEY_ENCRYPTION_KEY');
  expect(() => openSigningKey(randomBytes(32), one.publicKey.kid, one.sealed)).toThrow('KEY_ENCRYPTION_KEY');
});
