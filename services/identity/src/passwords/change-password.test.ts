import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exchange, makeKey } from '../testing/api-keys.ts';
import { codeOf, password, startIdentity, type TestIdentity, tokensOf } from '../testing/test-identity.ts';
import { startTestPost, type TestPost } from '../testing/test-post.ts';

let identity: TestIdentity;
let post: TestPost;
beforeAll(async () => {
  identity = await startIdentity();
  post = await startTestPost(identity);
});
afterAll(async () => {
  await post.close();
  await identity.close();
});

const chosen = 'another horse battery';
const change = (token: string | undefined, currentPassword: unknown = password, newPassword: unknown = chosen) =>
  identity.call('POST', '/v1/me/password', { token, body: { currentPassword, newPassword } });

describe('POST /v1/me/password', () => {
  it('204: this session stays, the others end, the new password opens, the old does not, a mail tells the owner', async () => {
    const { email, tokens } = await identity.visitor();
    const other = tokensOf(await identity.logIn(email));
    const answer = await change(tokens.accessToken);
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect((await identity.call('GET', '/v1/me', { token: tokens.accessToken })).status).toBe(200);
    expect((await identity.refresh(tokens.refreshToken)).status).toBe(200);
    expect((await identity.call('GET', '/v1/me', { token: other.accessToken })).status).toBe(401);
    expect((await identity.refresh(other.refreshToken)).status).toBe(401);
    expect(codeOf(await identity.logIn(email))).toBe('invalid_credentials');
    expect((await identity.logIn(email, chosen)).status).toBe(200);
    const mail = (await post.mailsTo(email, 2)).find(({ subject }) => subject === 'Your password was changed');
    expect(mail?.text).toContain('https://app.florin.test/forgot-password');
  });

  it('makes tokens for a reset worthless', async () => {
    const { email, tokens } = await identity.visitor();
    await post.mailsTo(email);
    await identity.call('POST', '/v1/auth/password/forgot', { body: { email } });
    const token = await post.tokenTo(email, 2);
    await change(tokens.accessToken);
    const body = { token, password: 'yet another password' };
    expect((await identity.call('POST', '/v1/auth/password/reset', { body })).status).toBe(400);
  });

  it('401 invalid_credentials for a wrong current password, counted together with those at the login', async () => {
    const { email, tokens } = await identity.visitor();
    for (let guess = 0; guess < 5; guess += 1) {
      expect(codeOf(await change(tokens.accessToken, 'wrong, really'))).toBe('invalid_credentials');
      expect(codeOf(await identity.logIn(email, 'wrong, really'))).toBe('invalid_credentials');
    }
    const locked = await change(tokens.accessToken);
    expect(codeOf(locked)).toBe('account_locked');
    expect(Number(locked.headers['retry-after'])).toBeGreaterThan(25);
    expect(codeOf(await identity.logIn(email))).toBe('account_locked');
  });

  it('50 parallel guesses are counted exactly', async () => {
    const { tokens } = await identity.visitor();
    const answers = await Promise.all(Array.from({ length: 50 }, () => change(tokens.accessToken, 'wrong, really')));
    const codes = answers.map(codeOf);
    expect(codes.filter((code) => code === 'invalid_credentials')).toHaveLength(10);
    expect(codes.filter((code) => code === 'account_locked')).toHaveLength(40);
  });

  it('401 when another process changed the password after this one compared it', async () => {
    const { tokens, email } = await identity.visitor();
    let late: ReturnType<typeof change> | undefined;
    await identity.db.transaction().execute(async (tx) => {
      const user = await tx.selectFrom('users').select('id').where('email', '=', email).forUpdate().executeTakeFirst();
      late = change(tokens.accessToken);
      await new Promise((resolve) => setTimeout(resolve, 500));
      await tx
        .updateTable('passwords')
        .set({ hash: 'changed' })
        .where('user_id', '=', user?.id ?? '')
        .execute();
    });
    expect(codeOf(await (late ?? change(tokens.accessToken)))).toBe('invalid_credentials');
  });

  it.each(['short', 'password', 'Password123!', 'Florin-2026', 'x'.repeat(257), 12345678, null])(
    '400 at /newPassword for %j, which is no guess',
    async (bad) => {
      const { tokens } = await identity.visitor();
      const answer = await change(tokens.accessToken, 'wrong, really', bad);
      expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer: '/newPassword' }] } });
    },
  );

  it('403 for an API key', async () => {
    const { tokens } = await identity.visitor();
    const made = await makeKey(identity, tokens.accessToken, { scopes: ['accounts:write'] });
    const { body } = await exchange(identity, made.body.secret);
    expect(codeOf(await change(String(body.token)))).toBe('forbidden');
  });

  it('401 without a token', async () => {
    expect(codeOf(await change(undefined))).toBe('unauthenticated');
  });
});
