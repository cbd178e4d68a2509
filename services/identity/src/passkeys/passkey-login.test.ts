import { parseId } from '@florin/service';
import { softwareAuthenticator, type Tampering } from '@florin/testing/authenticator';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deleteExpired } from '../housekeeping.ts';
import { auditOf, optionsFrom, origin, passkeyLogin, passkeyVisitor } from '../testing/passkeys.ts';
import { logInWith } from '../testing/second-factor.ts';
import { claimsOf, codeOf, startIdentity, type TestIdentity, tokensOf } from '../testing/test-identity.ts';

let identity: TestIdentity;
beforeAll(async () => {
  identity = await startIdentity();
});
afterAll(() => identity.close());

const url = '/v1/auth/passkey';
const refused = {
  status: 401,
  body: { code: 'invalid_credentials', detail: 'The passkey was not accepted. Begin again.' },
};
const send = (credential: unknown) => identity.call('POST', url, { body: { credential } });

async function storedCounter(passkeyId: string): Promise<bigint | undefined> {
  const query = identity.db
    .selectFrom('passkeys')
    .select('counter')
    .where('id', '=', parseId('pky', passkeyId) ?? '');
  return (await query.executeTakeFirst())?.counter;
}

describe('POST /v1/auth/passkey/options', () => {
  it('200 the same for every email and none: no credentials, and a new challenge', async () => {
    const { email } = await passkeyVisitor(identity);
    const bodies = [];
    for (const body of [undefined, {}, { email }, { email: 'nobody@example.com' }]) {
      const answer = await identity.call('POST', `${url}/options`, body === undefined ? {} : { body });
      expect(answer.status).toBe(200);
      bodies.push(answer.body);
    }
    const rest = bodies.map(({ challenge: _own, ...same }) => same);
    expect(rest).toEqual(Array(4).fill({ rpId: 'florin.test', timeout: 300_000, userVerification: 'required' }));
    expect(new Set(bodies.map(({ challenge }) => challenge)).size).toBe(4);
  });

  it('the database keeps no challenge as it is, and housekeeping removes those that nobody answered', async () => {
    const { challenge } = await optionsFrom(identity, `${url}/options`);
    const { rows } = await sql<{ row: string }>`select row_to_json(c)::text as row from passkey_challenges c`.execute(
      identity.db,
    );
    const hex = Buffer.from(challenge, 'base64url').toString('hex');
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.filter(({ row }) => row.includes(challenge) || row.includes(hex))).toEqual([]);
    await sql`update passkey_challenges set expires_at = now() - interval '1 second'`.execute(identity.db);
    expect(await deleteExpired(identity.db)).toMatchObject({ passkeyChallenges: rows.length });
  });
});

describe('POST /v1/auth/passkey', () => {
  it('200 tokens as a login, without password and code; amr says webauthn, the audit log too', async () => {
    const { id, email, authenticator, passkeyId } = await passkeyVisitor(identity);
    expect(codeOf(await identity.logIn(email))).toBe('mfa_required');
    const answer = await passkeyLogin(identity, authenticator);
    const tokens = tokensOf(answer);
    expect(Object.keys(answer.body).sort()).toEqual(['accessToken', 'expiresIn', 'refreshToken', 'tokenType']);
    expect(claimsOf(tokens.accessToken)).toMatchObject({ sub: id, amr: ['webauthn'] });
    expect((await identity.call('GET', '/v1/me', { token: tokens.accessToken })).body).toMatchObject({ email });
    const renewed = tokensOf(await identity.refresh(tokens.refreshToken));
    expect(claimsOf(renewed.accessToken)).toMatchObject({ amr: ['webauthn'] });
    expect((await auditOf(identity, id)).at(-1)).toMatchObject({
      action: 'login.succeeded',
      details: { passkey: true, secondFactor: true },
    });
    const { body } = await identity.call('GET', '/v1/me/passkeys', { token: tokens.accessToken });
    expect(body.data).toMatchObject([{ id: passkeyId, lastUsedAt: expect.any(String) }]);
  });

  it('after the right password mfa_required names it, and a recovery code does in its place, once', async () => {
    const { email, recoveryCodes } = await passkeyVisitor(identity);
    const [code = ''] = recoveryCodes;
    expect(await identity.logIn(email)).toMatchObject({
      status: 401,
      body: { code: 'mfa_required', methods: ['passkey', 'recovery_code'] },
    });
    expect((await identity.logIn(email, 'a wrong password')).body).not.toHaveProperty('methods');
    expect((await logInWith(identity, email, code)).status).toBe(200);
    expect(codeOf(await logInWith(identity, email, code))).toBe('mfa_invalid');
  });

  it.each<[string, Tampering]>([
    ['of another origin', { origin: 'https://evil.example' }],
    ['of an origin that only begins like ours', { origin: `${origin}.evil.example` }],
    ['for another domain', { rpId: 'evil.example' }],
    ['without verification of its user', { userVerified: false }],
    ['on a page of another site', { crossOrigin: true }],
    ['that is the making of one', { type: 'webauthn.create' }],
    ['for a challenge that nobody made', { challenge: 'B'.repeat(43) }],
    ['of another user’s handle', { userHandle: Buffer.alloc(32).toString('base64url') }],
    ['of an unknown credential', { credentialId: 'u'.repeat(43) }],
  ])('401, one body for all: a use %s', async (_name, tampering) => {
    const { authenticator } = await passkeyVisitor(identity);
    expect(await passkeyLogin(identity, authenticator, tampering)).toMatchObject(refused);
    expect((await passkeyLogin(identity, authenticator)).status).toBe(200);
  });

  it('401 for another user’s credential under one’s own key, or the other way round', async () => {
    const [ada, eve] = [await passkeyVisitor(identity), await passkeyVisitor(identity)];
    const options = await optionsFrom(identity, `${url}/options`);
    const adas = ada.authenticator.use(options);
    const eves = eve.authenticator.use(options);
    expect(await send({ ...adas, response: eves.response })).toMatchObject(refused);
    const again = await passkeyLogin(identity, eve.authenticator, { credentialId: adas.id });
    expect(again).toMatchObject(refused);
  });

  it('401 for a replay, for a challenge that is too old, and for one of another purpose', async () => {
    const { authenticator, tokens } = await passkeyVisitor(identity);
    const credential = authenticator.use(await optionsFrom(identity, `${url}/options`));
    const answers = await Promise.all(Array.from({ length: 5 }, () => send(credential)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401, 401]);
    expect(await send(credential)).toMatchObject(refused);
    const late = authenticator.use(await optionsFrom(identity, `${url}/options`));
    await sql`update passkey_challenges set expires_at = now() - interval '1 second'`.execute(identity.db);
    expect(await send(late)).toMatchObject(refused);
    const stepping = await optionsFrom(identity, '/v1/auth/step-up/options', tokens.accessToken);
    expect(await send(authenticator.use(stepping))).toMatchObject(refused);
  });

  it('401 where the counter does not go on: two authenticators have the key; the counter stays', async () => {
    const { id, authenticator, passkeyId } = await passkeyVisitor(identity, true);
    for (const counter of [5, 9]) {
      expect((await passkeyLogin(identity, authenticator, { counter })).status).toBe(200);
    }
    for (const counter of [9, 8, 0]) {
      expect(await passkeyLogin(identity, authenticator, { counter })).toMatchObject(refused);
      expect(await storedCounter(passkeyId)).toBe(9n);
    }
    const log = await auditOf(identity, id);
    expect(log.at(-1)).toMatchObject({ action: 'login.failed', details: { reason: 'passkey_copied' } });
    expect((await passkeyLogin(identity, authenticator, { counter: 10 })).status).toBe(200);
  });

  it('a forged message with a high counter does not lock the real authenticator out', async () => {
    const { authenticator, passkeyId } = await passkeyVisitor(identity, true);
    const message = authenticator.use(await optionsFrom(identity, `${url}/options`), { counter: 1_000_000 });
    const signature = Buffer.alloc(70, 1).toString('base64url');
    expect(await send({ ...message, response: { ...message.response, signature } })).toMatchObject(refused);
    expect(await storedCounter(passkeyId)).toBe(0n);
    expect((await passkeyLogin(identity, authenticator)).status).toBe(200);
  });

  it('401 for a disabled user; ten wrong tries lock the account, and a lock holds for passkeys too', async () => {
    const { id, email, authenticator } = await passkeyVisitor(identity);
    await identity.db.updateTable('users').set({ status: 'disabled' }).where('email', '=', email).execute();
    expect(await passkeyLogin(identity, authenticator)).toMatchObject(refused);
    await identity.db.updateTable('users').set({ status: 'active' }).where('email', '=', email).execute();
    for (let guess = 0; guess < 10; guess += 1) {
      expect(await passkeyLogin(identity, authenticator, { userVerified: false })).toMatchObject(refused);
    }
    const locked = await passkeyLogin(identity, authenticator);
    expect([locked.status, codeOf(locked)]).toEqual([429, 'account_locked']);
    expect(codeOf(await identity.logIn(email))).toBe('account_locked');
    expect((await auditOf(identity, id)).map(({ action }) => action)).toContain('login.locked');
  });

  it('a success forgets the wrong tries in a row before it', async () => {
    const { authenticator } = await passkeyVisitor(identity);
    for (let guess = 0; guess < 9; guess += 1) await passkeyLogin(identity, authenticator, { userVerified: false });
    expect((await passkeyLogin(identity, authenticator)).status).toBe(200);
    await passkeyLogin(identity, authenticator, { userVerified: false });
    expect((await passkeyLogin(identity, authenticator)).status).toBe(200);
  });

  it.each(['clientDataJSON', 'authenticatorData', 'signature'])('401, not 500, for any bytes as %s', async (field) => {
    const authenticator = softwareAuthenticator({ origin });
    const visitor = await passkeyVisitor(identity);
    for (const bytes of ['AA', 'gYGB'.repeat(2_000), Buffer.from('[]').toString('base64url')]) {
      const message = visitor.authenticator.use(await optionsFrom(identity, `${url}/options`));
      expect(await send({ ...message, response: { ...message.response, [field]: bytes } })).toMatchObject(refused);
    }
    expect(() => authenticator.use({ challenge: 'x' })).toThrow('no passkey');
  });

  it.each<[string, unknown]>([
    ['no credential', {}],
    ['an unknown field', { credential: { extra: 1 } }],
    ['a number as id', { credential: { id: 1 } }],
  ])('400 for %s', async (_name, body) => {
    expect((await identity.call('POST', url, { body })).status).toBe(400);
  });
});
