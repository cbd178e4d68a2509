import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claimsOf, codeOf, password, startIdentity, type TestIdentity, tokensOf } from '../testing/test-identity.ts';
import { countGuess, guessKey } from './guess-counter.ts';

let identity: TestIdentity;
beforeAll(async () => {
  identity = await startIdentity();
});
afterAll(() => identity.close());

const wrong = 'a wrong password';

async function guesses(email: string) {
  const key = guessKey(identity.resources.secrets.guessedEmails, email);
  return await identity.db.selectFrom('login_guesses').selectAll().where('email_hash', '=', key).executeTakeFirst();
}

describe('POST /v1/auth/login', () => {
  it('200 gives an access token with the contract’s claims and a refresh token', async () => {
    const { id, email } = await identity.visitor();
    const answer = await identity.logIn(email);
    expect(answer.status).toBe(200);
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.body).toEqual({
      accessToken: expect.any(String),
      tokenType: 'Bearer',
      expiresIn: 600,
      refreshToken: expect.stringMatching(/^flr_/),
    });
    const claims = claimsOf(tokensOf(answer).accessToken);
    expect(claims).toMatchObject({
      iss: 'https://florin.test',
      aud: 'florin',
      sub: id,
      sid: expect.stringMatching(/^ses_/),
      roles: ['customer'],
      scope:
        'accounts:read accounts:write transactions:read transactions:write notifications:read notifications:write webhooks:manage',
    });
    expect(Number(claims.exp) - Number(claims.iat)).toBe(600);
  });

  it('takes the email in any case and the password in any Unicode form', async () => {
    const body = { email: 'Zoe@Example.com', password: 'Zu\u0308rich by night', name: 'Zoe' };
    expect((await identity.call('POST', '/v1/auth/register', { body })).status).toBe(201);
    expect((await identity.logIn('zOE@example.COM', 'Z\u00fcrich by night')).status).toBe(200);
  });

  it('401 with one body for a wrong password, an unknown email and a disabled user', async () => {
    const { email } = await identity.visitor();
    const disabled = await identity.visitor();
    await identity.db.updateTable('users').set({ status: 'disabled' }).where('email', '=', disabled.email).execute();
    const answers = [
      await identity.logIn(email, wrong),
      await identity.logIn('nobody@example.com', wrong),
      await identity.logIn(disabled.email, password),
    ];
    const bodies = answers.map(({ status, body: { traceId: _own, ...body } }) => ({ status, body }));
    expect(bodies[0]).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } });
    expect(bodies[1]).toEqual(bodies[0]);
    expect(bodies[2]).toEqual(bodies[0]);
  });

  it.each(['known', 'unknown'])(
    '429 account_locked: of 200 parallel guesses at a %s email 10 are looked at',
    async (kind) => {
      const email = kind === 'known' ? (await identity.visitor()).email : 'unknown@example.com';
      const answers = await Promise.all(Array.from({ length: 200 }, () => identity.logIn(email, wrong)));
      expect(answers.filter(({ status }) => status === 401)).toHaveLength(10);
      const locked = answers.filter(({ status }) => status === 429);
      expect(locked).toHaveLength(190);
      expect(new Set(locked.map(codeOf))).toEqual(new Set(['account_locked']));
      expect(Number(locked[0]?.headers['retry-after'])).toBeGreaterThan(25);
      expect(await guesses(email)).toMatchObject({ failures: 10, day_guesses: 10 });
      // The right password does not open a locked email either.
      expect(codeOf(await identity.logIn(email))).toBe('account_locked');
    },
  );

  it('counts parallel guesses of several processes one by one', async () => {
    const email = 'several@example.com';
    const key = guessKey(identity.resources.secrets.guessedEmails, email);
    const permissions = await Promise.all(Array.from({ length: 200 }, () => countGuess(identity.db, key)));
    expect(permissions.filter(({ allowed }) => allowed)).toHaveLength(10);
  });

  it('control: a counter that looks and then writes lets more of them through', async () => {
    const key = guessKey(identity.resources.secrets.guessedEmails, 'looked-at-first@example.com');
    await countGuess(identity.db, key);
    const rows = () => identity.db.selectFrom('login_guesses').select('failures').where('email_hash', '=', key);
    const lookThenWrite = async () => {
      const { failures } = await rows().executeTakeFirstOrThrow();
      if (failures >= 10) return false;
      await new Promise((resolve) => setTimeout(resolve, 100));
      const change = identity.db.updateTable('login_guesses').set({ failures: failures + 1 });
      await change.where('email_hash', '=', key).execute();
      return true;
    };
    const allowed = await Promise.all(Array.from({ length: 40 }, lookThenWrite));
    expect(allowed.filter(Boolean).length).toBeGreaterThan(10);
  });

  it('a success takes its own guess back and forgets the failures', async () => {
    const { email } = await identity.visitor();
    for (let guess = 0; guess < 9; guess += 1) await identity.logIn(email, wrong);
    expect((await identity.logIn(email)).status).toBe(200);
    expect(await guesses(email)).toMatchObject({ failures: 0, locked_until: null, day_guesses: 9 });
  });

  it.each([
    [{ email: 'a@example.com' }, '/password'],
    [{ email: 'a@example.com', password: ['x'] }, '/password'],
    [{ email: 'no email', password: 'x' }, '/email'],
    [{ email: 'a@example.com', password: 'x', otp2: '1' }, '/otp2'],
    [{ email: 'a@example.com', password: 'x'.repeat(257) }, '/password'],
  ])('400 validation_failed %#', async (body, pointer) => {
    const answer = await identity.call('POST', '/v1/auth/login', { body });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code: 'validation_failed', errors: [{ pointer }] });
  });
});

describe('POST /v1/auth/login, overloaded', () => {
  it('503 with Retry-After at once when too many wait for a hash, and no guess is counted', async () => {
    const small = await startIdentity({ passwordHashing: { concurrency: 1, maxWaiting: 2 } });
    try {
      const emails = Array.from({ length: 10 }, (_, index) => `crowd${index}@example.com`);
      const answers = await Promise.all(emails.map((email) => small.logIn(email, wrong)));
      const refused = answers.filter(({ status }) => status === 503);
      expect(refused).toHaveLength(7);
      expect(refused[0]?.headers['retry-after']).toBe('1');
      expect((await small.call('GET', '/metrics')).text).toContain('logins_total{outcome="overloaded"} 7');
      const { counted } = await small.db
        .selectFrom('login_guesses')
        .select((all) => all.fn.countAll<bigint>().as('counted'))
        .executeTakeFirstOrThrow();
      expect(counted).toBe(3n);
    } finally {
      await small.close();
    }
  });

  it('many logins of one email crowd nobody out, and right ones don’t lock their own user', async () => {
    const wide = await startIdentity({ passwordHashing: { concurrency: 16, maxWaiting: 0 } });
    try {
      const { email } = await wide.visitor();
      const other = await wide.visitor();
      const right = await Promise.all(Array.from({ length: 40 }, () => wide.logIn(email)));
      expect(new Set(right.map(({ status }) => status))).toEqual(new Set([200]));
      expect(new Set(right.map((answer) => tokensOf(answer).refreshToken)).size).toBe(40);
      const guesses = Array.from({ length: 200 }, () => wide.logIn(email, wrong));
      expect((await wide.logIn(other.email)).status).toBe(200);
      expect(new Set((await Promise.all(guesses)).map(({ status }) => status))).toEqual(new Set([401, 429]));
    } finally {
      await wide.close();
    }
  });
});
