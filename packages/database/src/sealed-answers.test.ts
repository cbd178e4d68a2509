import { randomBytes } from 'node:crypto';
import { problem } from '@florin/service';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { runSealed, seal, unseal } from './index.ts';
import { useSampleDatabase } from './testing/sample-database.ts';

const sample = useSampleDatabase();
const sealingKey = randomBytes(32);
const call = (key: string, context = key) => ({
  ...{ caller: 'usr_one', key, fingerprint: Buffer.from('the request') },
  ...{ sealingKey, context },
});

async function kept(key: string): Promise<string> {
  const { rows } = await sql<{ body: string }>`select body from idempotency_keys where key = ${key}`.execute(sample.db);
  return rows[0]?.body ?? '';
}

describe('runSealed', () => {
  it('gives the same secret again, which stands nowhere in the table', async () => {
    let made = 0;
    const make = async () => ({ status: 201, body: { secret: `Canary${++made}` } });
    const first = await runSealed(sample.db, call('one'), make);
    expect(first).toEqual({ status: 201, body: '{"secret":"Canary1"}', replayed: false });
    expect(await runSealed(sample.db, call('one'), make)).toEqual({ ...first, replayed: true });
    expect(await kept('one')).toMatch(/^"[A-Za-z0-9+/]+=*"$/);
    expect(Buffer.from(JSON.parse(await kept('one')), 'base64').toString('latin1')).not.toContain('Canary');
  });

  it('keeps a refusal as it stands', async () => {
    const refuse = async () => {
      throw problem('webhook_url_not_allowed', 'Not there.');
    };
    const first = await runSealed(sample.db, call('two'), refuse);
    expect(first.status).toBe(422);
    expect(await runSealed(sample.db, call('two'), refuse)).toEqual({ ...first, replayed: true });
  });

  it('does not open the answer of one call for another', async () => {
    await runSealed(sample.db, call('three'), async () => ({ status: 201, body: {} }));
    await expect(
      runSealed(sample.db, call('three', 'other'), async () => ({ status: 201, body: {} })),
    ).rejects.toThrow();
  });
});

it('what is sealed opens with its key and context alone, and unchanged', () => {
  const sealed = seal(sealingKey, 'here', Buffer.from('text'));
  expect(unseal(sealingKey, 'here', sealed).toString()).toBe('text');
  expect(() => unseal(sealingKey, 'there', sealed)).toThrow();
  expect(() => unseal(randomBytes(32), 'here', sealed)).toThrow();
  const changed = Buffer.from(sealed);
  changed.writeUInt8((changed.at(-1) ?? 0) ^ 1, changed.length - 1);
  expect(() => unseal(sealingKey, 'here', changed)).toThrow();
});
