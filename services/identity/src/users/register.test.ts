import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeOf, password, startIdentity, type TestIdentity } from '../testing/test-identity.ts';

let identity: TestIdentity;
beforeAll(async () => {
  identity = await startIdentity();
});
afterAll(() => identity.close());

function register(body: object, key?: string) {
  return identity.call('POST', '/v1/auth/register', {
    body,
    headers: key === undefined ? {} : { 'idempotency-key': key },
  });
}

async function eventsOf(subject: string): Promise<unknown[]> {
  const { rows } = await sql<{ event: unknown }>`select event from outbox where event->>'subject' = ${subject}`.execute(
    identity.db,
  );
  return rows.map(({ event }) => event);
}

async function users(email: string) {
  return await identity.db.selectFrom('users').selectAll().where('email', '=', email).execute();
}

describe('POST /v1/auth/register', () => {
  it('201 gives exactly the contract’s fields and tells the others in the same transaction', async () => {
    const body = { email: 'Anna@Example.com', password, name: 'Anna Example', locale: 'de-ch' };
    const answer = await register(body);
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({
      id: expect.stringMatching(/^usr_[0-9a-hjkmnp-tv-z]{26}$/),
      email: 'anna@example.com',
      name: 'Anna Example',
      roles: ['customer'],
      emailVerified: false,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    const { id } = answer.body;
    expect(await eventsOf(String(id))).toMatchObject([
      {
        source: 'florin/identity',
        type: 'identity.user.registered.v1',
        subject: id,
        data: { user: { id, email: 'anna@example.com', name: 'Anna Example', locale: 'de-CH' } },
      },
    ]);
  });

  it('409 email_taken in any case of the letters, also from 20 parallel attempts', async () => {
    const bodies = Array.from({ length: 20 }, (_, index) => ({
      email: index % 2 === 0 ? 'BORIS@example.com' : 'boris@Example.COM',
      password,
      name: 'Boris',
    }));
    const answers = await Promise.all(bodies.map((body) => register(body)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(new Set(answers.filter(({ status }) => status !== 201).map(codeOf))).toEqual(new Set(['email_taken']));
    expect(await users('boris@example.com')).toHaveLength(1);
  });

  it.each([
    ['email', { email: 'no email' }],
    ['email', { email: `${'x'.repeat(250)}@example.com` }],
    ['email', { email: 1 }],
    ['password', { password: 'short' }],
    ['password', { password: 'carla@example.com' }],
    ['password', { password: 'x'.repeat(257) }],
    ['password', { password: 'Password123!' }],
    ['password', { password: 'carla-1999' }],
    ['password', { password: 12345678 }],
    ['name', { name: '' }],
    ['name', { name: 'x'.repeat(101) }],
    ['name', { name: 'Carla\u0007' }],
    ['locale', { locale: 'en_US' }],
    ['locale', { locale: null }],
    ['roles', { roles: ['admin'] }],
    ['emailVerified', { emailVerified: true }],
    ['id', { id: 'usr_01' }],
  ])('400 validation_failed points at /%s: %j', async (field, wrong) => {
    const answer = await register({ email: 'carla@example.com', password, name: 'Carla', ...wrong });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code: 'validation_failed', errors: [{ pointer: `/${field}` }] });
    expect(await users('carla@example.com')).toEqual([]);
  });

  it('stores an argon2id hash and nothing that helps to find the password', async () => {
    const canary = 'canary-password-9d41';
    await register({ email: 'dora@example.com', password: canary, name: 'Dora' }, 'key-dora');
    const { hash } = await identity.db
      .selectFrom('passwords')
      .selectAll()
      .orderBy('changed_at', 'desc')
      .executeTakeFirstOrThrow();
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    for (const table of ['users', 'passwords', 'outbox', 'idempotency_keys'] as const) {
      const { rows } = await sql<{
        row: string;
      }>`select row_to_json(t)::text as row from ${sql.table(table)} t`.execute(identity.db);
      expect(rows.map(({ row }) => row).join('\n')).not.toContain(canary);
    }
  });
});

describe('POST /v1/auth/register with Idempotency-Key', () => {
  it('the same again gives the same bytes and Idempotent-Replayed, also in parallel, and makes one user', async () => {
    const body = { email: 'emil@example.com', password, name: 'Emil' };
    const answers = await Promise.all(Array.from({ length: 10 }, () => register(body, 'key-emil')));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(201);
    expect(answers.filter(({ headers }) => headers['idempotent-replayed'] === 'true')).toHaveLength(9);
    expect(await users('emil@example.com')).toHaveLength(1);
    expect(await eventsOf(String(answers[0]?.body.id))).toHaveLength(1);
  });

  it('422 idempotency_key_reused for another body, the password included', async () => {
    const body = { email: 'frida@example.com', password, name: 'Frida' };
    await register(body, 'key-frida');
    expect(codeOf(await register({ ...body, password: `${password}!` }, 'key-frida'))).toBe('idempotency_key_reused');
    expect(codeOf(await register({ ...body, name: 'Frieda' }, 'key-frida'))).toBe('idempotency_key_reused');
  });

  it('the key is the person’s: another email may use the same', async () => {
    const first = await register({ email: 'gina@example.com', password, name: 'Gina' }, 'key-1');
    const second = await register({ email: 'hugo@example.com', password, name: 'Hugo' }, 'key-1');
    expect([first.status, second.status]).toEqual([201, 201]);
  });

  it('409 email_taken does not burn the key', async () => {
    await register({ email: 'ida@example.com', password, name: 'Ida' });
    expect(codeOf(await register({ email: 'ida@example.com', password, name: 'Ida' }, 'key-ida'))).toBe('email_taken');
    const { rows } = await sql`select 1 from idempotency_keys where key = 'key-ida'`.execute(identity.db);
    expect(rows).toEqual([]);
  });

  it('400 for a key that is no visible ASCII', async () => {
    expect(codeOf(await register({ email: 'jan@example.com', password, name: 'Jan' }, 'a b'))).toBe(
      'validation_failed',
    );
  });
});
