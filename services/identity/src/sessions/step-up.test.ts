import { parseId } from '@florin/service';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exchange, makeKey } from '../testing/api-keys.ts';
import { auditOf, optionsFrom, passkeyStepUp, passkeyVisitor, staleToken } from '../testing/passkeys.ts';
import { codeAt, guardedVisitor, logInWith, wrongCode } from '../testing/second-factor.ts';
import {
  type Answer,
  claimsOf,
  codeOf,
  password,
  startIdentity,
  type TestIdentity,
  tokensOf,
} from '../testing/test-identity.ts';

let identity: TestIdentity;
beforeAll(async () => {
  identity = await startIdentity();
});
afterAll(() => identity.close());

const url = '/v1/auth/step-up';
const stepUp = (token: string, body: unknown): Promise<Answer> => identity.call('POST', url, { token, body });
const now = () => Math.floor(Date.now() / 1000);

function proofOf(answer: Answer): { authTime: number; amr: unknown } {
  if (answer.status !== 200) throw new Error(answer.text);
  const claims = claimsOf(String(answer.body.accessToken));
  return { authTime: Number(claims.auth_time), amr: claims.amr };
}

describe('auth_time and amr', () => {
  it('say when and how the session’s owner logged in, and a refresh does not move them', async () => {
    const { id, tokens } = await identity.visitor();
    const first = claimsOf(tokens.accessToken);
    expect(first.amr).toEqual(['pwd']);
    expect(Math.abs(Number(first.auth_time) - now())).toBeLessThan(60);
    const stale = claimsOf(await staleToken(identity, { id, email: '', tokens }));
    expect(now() - Number(stale.auth_time)).toBeGreaterThan(3_590);
  });

  it('say otp after a code', async () => {
    const { email, secret } = await guardedVisitor(identity);
    const { accessToken } = tokensOf(await logInWith(identity, email, codeAt(secret)));
    expect(claimsOf(accessToken).amr).toEqual(['pwd', 'otp']);
  });

  it('of a session of before they were kept are its beginning and the password', async () => {
    const { id, tokens } = await identity.visitor();
    await sql`update sessions set proven_at = null, proven_by = default, created_at = now() - interval '2 hours'
      where user_id = ${parseId('usr', id)}`.execute(identity.db);
    const claims = claimsOf(tokensOf(await identity.refresh(tokens.refreshToken)).accessToken);
    expect(claims.amr).toEqual(['pwd']);
    expect(now() - Number(claims.auth_time)).toBeGreaterThan(7_190);
  });
});

describe('POST /v1/auth/step-up', () => {
  it('200 a new access token of the same session; the refresh token stays good and carries the proof on', async () => {
    const visitor = await identity.visitor();
    const stale = await staleToken(identity, visitor);
    const { rows } = await sql<{ generation: number }>`select generation from sessions
      where user_id = ${parseId('usr', visitor.id)}`.execute(identity.db);
    const answer = await stepUp(stale, { password });
    expect(Object.keys(answer.body).sort()).toEqual(['accessToken', 'expiresIn', 'tokenType']);
    expect(now() - proofOf(answer).authTime).toBeLessThan(60);
    expect(claimsOf(String(answer.body.accessToken)).sid).toBe(claimsOf(stale).sid);
    const after = await sql<{ generation: number; matches: boolean }>`select generation,
        access_expires_at = to_timestamp(${claimsOf(String(answer.body.accessToken)).exp}) as matches
      from sessions where user_id = ${parseId('usr', visitor.id)}`.execute(identity.db);
    expect(after.rows).toEqual([{ ...rows[0], matches: true }]);
    expect((await auditOf(identity, String(claimsOf(stale).sid))).at(-1)).toMatchObject({
      action: 'session.stepped_up',
      details: { by: ['pwd'] },
    });
  });

  it('opens what answered step_up_required: API keys, passkeys, another email; the token of before does not', async () => {
    const visitor = await identity.visitor();
    const stale = await staleToken(identity, visitor);
    const calls = (token: string) => [
      makeKey(identity, token),
      identity.call('POST', '/v1/me/passkeys/options', { token }),
      identity.call('POST', '/v1/me/email', { token, body: { email: 'new-address@example.com' } }),
    ];
    const before = await Promise.all(calls(stale));
    expect(before.map(codeOf)).toEqual(Array(3).fill('step_up_required'));
    const { accessToken } = (await stepUp(stale, { password })).body;
    expect((await Promise.all(calls(String(accessToken)))).map(({ status }) => status)).toEqual([201, 200, 202]);
    expect(codeOf(await makeKey(identity, stale))).toBe('step_up_required');
  });

  it('with a second factor: the code, alone or with the password; the password alone is mfa_required', async () => {
    const visitor = await guardedVisitor(identity);
    const token = visitor.tokens.accessToken;
    const asked = await stepUp(token, { password });
    expect(asked).toMatchObject({ status: 401, body: { code: 'mfa_required', methods: ['totp', 'recovery_code'] } });
    expect(proofOf(await stepUp(token, { otp: codeAt(visitor.secret) })).amr).toEqual(['otp']);
    expect(codeOf(await stepUp(token, { otp: codeAt(visitor.secret) }))).toBe('mfa_invalid');
    const [first, second] = visitor.recoveryCodes;
    expect(proofOf(await stepUp(token, { password, otp: first })).amr).toEqual(['pwd', 'otp']);
    expect(codeOf(await stepUp(token, { password: 'a wrong password', otp: second }))).toBe('invalid_credentials');
    expect(proofOf(await stepUp(token, { otp: second })).amr).toEqual(['otp']);
    expect(codeOf(await stepUp(token, { otp: wrongCode(visitor.secret) }))).toBe('mfa_invalid');
  });

  it('with a passkey of one’s own, for a challenge of this very session', async () => {
    const visitor = await passkeyVisitor(identity);
    const token = visitor.tokens.accessToken;
    expect(proofOf(await passkeyStepUp(identity, token, visitor.authenticator)).amr).toEqual(['webauthn']);
    expect(codeOf(await stepUp(token, { password }))).toBe('mfa_required');
    const wrong = await passkeyStepUp(identity, token, visitor.authenticator, { userVerified: false });
    expect(codeOf(wrong)).toBe('invalid_credentials');

    const other = tokensOf(await logInWith(identity, visitor.email, visitor.recoveryCodes[0] ?? ''));
    const theirs = visitor.authenticator.use(await optionsFrom(identity, `${url}/options`, other.accessToken));
    expect(codeOf(await stepUp(token, { passkey: theirs }))).toBe('invalid_credentials');
    expect((await stepUp(other.accessToken, { passkey: theirs })).status).toBe(200);
    expect(codeOf(await stepUp(other.accessToken, { passkey: theirs }))).toBe('invalid_credentials');

    const eve = await passkeyVisitor(identity);
    const options = await optionsFrom(identity, `${url}/options`, eve.tokens.accessToken);
    const { allowCredentials: _own, ...anyCredential } = options;
    const adas = visitor.authenticator.use(anyCredential);
    expect(codeOf(await stepUp(eve.tokens.accessToken, { passkey: adas }))).toBe('invalid_credentials');
    const login = await optionsFrom(identity, '/v1/auth/passkey/options');
    const forLogin = visitor.authenticator.use(login);
    expect(codeOf(await stepUp(token, { passkey: forLogin }))).toBe('invalid_credentials');
  });

  it('counts as a guess like a login: ten wrong ones lock both', async () => {
    const { id, email, tokens } = await identity.visitor();
    for (let guess = 0; guess < 10; guess += 1) {
      expect(codeOf(await stepUp(tokens.accessToken, { password: 'a wrong password' }))).toBe('invalid_credentials');
    }
    expect(codeOf(await stepUp(tokens.accessToken, { password }))).toBe('account_locked');
    expect(codeOf(await identity.logIn(email))).toBe('account_locked');
    const log = await auditOf(identity, id);
    expect(log.at(-2)).toMatchObject({ action: 'login.failed', details: { stepUp: true } });
    expect(log.at(-1)).toMatchObject({ action: 'login.locked' });
  });

  it('what is neither right nor wrong is no guess', async () => {
    const guarded = await guardedVisitor(identity);
    const plain = await identity.visitor();
    for (let guess = 0; guess < 11; guess += 1) {
      expect(codeOf(await stepUp(guarded.tokens.accessToken, { password }))).toBe('mfa_required');
      expect(codeOf(await stepUp(plain.tokens.accessToken, { otp: '123456' }))).toBe('validation_failed');
    }
    expect((await stepUp(plain.tokens.accessToken, { password })).status).toBe(200);
  });

  it('400 without a proof or with a passkey and more; 401 without a session, 403 for an API key', async () => {
    const { tokens } = await identity.visitor();
    const token = tokens.accessToken;
    for (const body of [{}, { password: '' }, { password, extra: 1 }]) {
      expect(codeOf(await stepUp(token, body))).toBe('validation_failed');
    }
    const { authenticator, tokens: own } = await passkeyVisitor(identity);
    const passkey = authenticator.use(await optionsFrom(identity, `${url}/options`, own.accessToken));
    expect(codeOf(await stepUp(own.accessToken, { passkey, password }))).toBe('validation_failed');
    expect((await identity.call('POST', url, { body: { password } })).status).toBe(401);
    const key = await exchange(identity, (await makeKey(identity, token)).body.secret);
    expect(codeOf(await stepUp(String(key.body.token), { password }))).toBe('forbidden');
    await identity.call('POST', '/v1/auth/logout', { token });
    expect((await stepUp(token, { password })).status).toBe(401);
  });

  it('401 for a session that ends, or a user who is disabled, while the proof is looked at', async () => {
    const { id, email, tokens } = await identity.visitor();
    await identity.db.updateTable('users').set({ status: 'disabled' }).where('email', '=', email).execute();
    expect((await stepUp(tokens.accessToken, { password })).status).toBe(401);
    const { rows } = await sql<{ provenAt: Date; createdAt: Date }>`select proven_at as "provenAt",
      created_at as "createdAt" from sessions where user_id = ${parseId('usr', id)}`.execute(identity.db);
    expect(rows[0]?.provenAt).toEqual(rows[0]?.createdAt);
  });
});
