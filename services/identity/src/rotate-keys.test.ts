import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openResources } from './dependencies.ts';
import { startIdentity, type TestIdentity, testConfig } from './testing/test-identity.ts';

let identity: TestIdentity;
beforeAll(async () => {
  identity = await startIdentity();
});
afterAll(() => identity.close());

/** The program with these words, under a key that encrypts. */
async function run(words: string[], masterKey = testConfig.masterKey) {
  const env = {
    PATH: process.env.PATH,
    DATABASE_URL: identity.database.url,
    KEY_ENCRYPTION_KEY: masterKey.toString('base64'),
  };
  const child = spawn(process.execPath, [join(import.meta.dirname, 'rotate-keys.ts'), ...words], { env });
  const [output, errors, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { output, errors, status, answer: output === '' ? undefined : JSON.parse(output) };
}

const mistakes: [words: string[], line: RegExp][] = [
  [['--rotate'], /^identity signing keys: Use: rotate-keys .*\n$/],
  [['--list', 'kid'], /^identity signing keys: Use: rotate-keys .*\n$/],
  [['--revoke', 'made-up'], /^identity signing keys: made-up is no signing key in use\n$/],
  [['--reencrypt'], /^identity signing keys: KEY_ENCRYPTION_KEY_PREVIOUS is needed\n$/],
];

describe('rotate-keys', () => {
  it('makes the next key, lists the keys and revokes the one that is named', async () => {
    const made = await run([]);
    expect(made).toMatchObject({ status: 0, errors: '', answer: { retired: [] } });
    const lead = Date.parse(made.answer.coming.signsFrom) - Date.now();
    expect(Math.abs(lead - 3_600_000)).toBeLessThan(60_000);
    const { keys } = (await run(['--list'])).answer;
    expect(keys).toHaveLength(2);
    expect(keys[0]).toEqual(made.answer.coming);
    const revoked = await run(['--revoke', made.answer.coming.kid]);
    expect(revoked.answer).toEqual({ coming: null, retired: [made.answer.coming.kid] });
  });

  it('what it cannot do is one line and status 1', async () => {
    await Promise.all(
      mistakes.map(async ([words, line]) => {
        const { status, errors, output } = await run(words);
        expect([status, output]).toEqual([1, '']);
        expect(errors).toMatch(line);
      }),
    );
  });

  it('after the loss of KEY_ENCRYPTION_KEY: revoking under a new one lets identity start again', async () => {
    const masterKey = randomBytes(32);
    await expect(openResources(identity.db, { ...testConfig, masterKey })).rejects.toThrow('does not open');
    expect((await run(['--revoke'], masterKey)).status).toBe(0);
    expect((await openResources(identity.db, { ...testConfig, masterKey })).keyRing.publicKeys()).toHaveLength(1);
  });
});
