import { inTransaction } from '@florin/database';
import { newUuid, parseId } from '@florin/service';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeAt, forgetUsedCodes, guardedVisitor, logInWith, wrongCode } from '../testing/second-factor.ts';
import { codeOf, password, startIdentity, type TestIdentity } from '../testing/test-identity.ts';
import { issueKeyToken } from '../tokens/issue-access-token.ts';
import { checkSecondFactor } from './check-second-factor.ts';

let identity: TestIdentity;
beforeAll(async () => {
  identity = await startIdentity();
});
afterAll(() => identity.close());

const url = '/v1/me/mfa/totp';
const begin = (token: string) => identity.call('POST', url, { token });
const confirm = (token: string, otp: string) => identity.call('POST', `${url}/confirm`, { token, body: { otp } });
const remove = (token: string, otp: string) => identity.call('DELETE', url, { token, body: { otp } });

describe('POST /v1/me/mfa/totp · /confirm', () => {
  it('201 a secret that no login asks for before it is confirmed; 200 ten recovery codes, and every login asks', async () => {
    const { email, tokens } = await identity.visitor();
    const begun = await begin(tokens.accessToken);
    expect(begun.status).toBe(201);
    expect(begun.body).toEqual({
      secret: expect.stringMatching(/^[A-Z2-7]{32}$/),
      otpauthUri: expect.stringContaining(`secret=${begun.body.secret}`),
    });
    expect((await identity.logIn(email)).status).toBe(200);
    const secret = String(begun.body.secret);
    const confirmed = await confirm(tokens.accessToken, codeAt(secret));
    expect(confirmed.status).toBe(200);
    const codes = confirmed.body.recoveryCodes as string[];
    expect(new Set(codes).size).toBe(10);
    expect(codes.every((code) => /^[0-9a-z]{4}(-[0-9a-z]{4}){3}$/.test(code))).toBe(true);
    expect(await identity.logIn(email)).toMatchObject({ status: 401, body: { code: 'mfa_required' } });
  });

  it('another call before the confirmation replaces the secret; 409 conflict once one is on', async () => {
    const { tokens } = await identity.visitor();
    const first = String((await begin(tokens.accessToken)).body.secret);
    const second = String((await begin(tokens.accessToken)).body.secret);
    expect(second).not.toBe(first);
    expect(codeOf(await confirm(tokens.accessToken, codeAt(first)))).toBe('mfa_invalid');
    expect((await confirm(tokens.accessToken, codeAt(second))).status).toBe(200);
    expect(codeOf(await begin(tokens.accessToken))).toBe('conflict');
    expect(codeOf(await confirm(tokens.accessToken, codeAt(second, 1)))).toBe('conflict');
  });

  it('401 mfa_invalid for a wrong code, 409 with nothing to confirm, 400 without one', async () => {
    const { tokens } = await identity.visitor();
    expect(codeOf(await confirm(tokens.accessToken, '123456'))).toBe('conflict');
    const secret = String((await begin(tokens.accessToken)).body.secret);
    expect(await confirm(tokens.accessToken, wrongCode(secret))).toMatchObject({
      status: 401,
      body: { code: 'mfa_invalid' },
    });
    expect((await identity.call('POST', `${url}/confirm`, { token: tokens.accessToken, body: {} })).status).toBe(400);
    expect((await identity.call('POST', url)).status).toBe(401);
  });

  it('the code of the confirmation is used: no login takes it', async () => {
    const { email, tokens } = await identity.visitor();
    const secret = String((await begin(tokens.accessToken)).body.secret);
    const otp = codeAt(secret);
    expect((await confirm(tokens.accessToken, otp)).status).toBe(200);
    expect(codeOf(await logInWith(identity, email, otp))).toBe('mfa_invalid');
  });

  it('of ten parallel confirmations one gets recovery codes, and those are the ones that work', async () => {
    const { email, tokens } = await identity.visitor();
    const secret = String((await begin(tokens.accessToken)).body.secret);
    const otp = codeAt(secret);
    const answers = await Promise.all(Array.from({ length: 10 }, () => confirm(tokens.accessToken, otp)));
    const won = answers.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    const codes = (won[0]?.body.recoveryCodes ?? []) as string[];
    expect((await logInWith(identity, email, codes[0] ?? '')).status).toBe(200);
  });

  it('neither secret nor codes lie in clear in the database or the log, and a secret moved to another row does not open', async () => {
    const { id, secret, recoveryCodes, tokens } = await guardedVisitor(identity);
    const tables = ['second_factors', 'recovery_codes', 'audit_pending', 'audit_log', 'outbox', 'idempotency_keys'];
    for (const table of tables) {
      const { rows } = await sql<{ row: string }>`select t::text as row from ${sql.table(table)} t`.execute(
        identity.db,
      );
      const text = rows.map(({ row }) => row).join('\n');
      for (const one of [secret, ...recoveryCodes]) {
        expect(text.includes(one), table).toBe(false);
        expect(text.includes(Buffer.from(one).toString('hex')), table).toBe(false);
      }
    }
    for (const one of [secret, ...recoveryCodes]) expect(identity.logs().includes(one)).toBe(false);
    const other = await guardedVisitor(identity);
    await sql`update second_factors set secret = (select secret from second_factors where user_id = ${parseId('usr', other.id)})
      where user_id = ${parseId('usr', id)}`.execute(identity.db);
    expect((await remove(tokens.accessToken, codeAt(other.secret))).status).toBe(500);
  });
});

describe('DELETE /v1/me/mfa/totp', () => {
  it('204 with a code of the app or a recovery code: logins ask for none any more, and recovery codes are gone', async () => {
    for (const kind of ['app', 'recovery']) {
      const { email, tokens, secret, recoveryCodes } = await guardedVisitor(identity);
      const otp = kind === 'app' ? codeAt(secret) : (recoveryCodes[3] ?? '');
      expect((await remove(tokens.accessToken, otp)).status).toBe(204);
      expect((await identity.logIn(email)).status).toBe(200);
      expect((await begin(tokens.accessToken)).status).toBe(201);
    }
    const left = await sql<{ count: bigint }>`select count(*) from recovery_codes r
      left join second_factors f using (user_id) where f.user_id is null`.execute(identity.db);
    expect(left.rows[0]?.count).toBe(0n);
  });

  it('401 mfa_invalid for a wrong code, which counts as a guess; 404 where none is on', async () => {
    const { email, tokens, secret } = await guardedVisitor(identity);
    for (let guess = 0; guess < 10; guess += 1) {
      expect(codeOf(await remove(tokens.accessToken, wrongCode(secret)))).toBe('mfa_invalid');
    }
    expect(codeOf(await remove(tokens.accessToken, codeAt(secret)))).toBe('account_locked');
    expect(codeOf(await logInWith(identity, email, codeAt(secret)))).toBe('account_locked');
    const plain = await identity.visitor();
    for (let guess = 0; guess < 12; guess += 1) {
      expect(codeOf(await remove(plain.tokens.accessToken, '123456'))).toBe('not_found');
    }
    expect((await identity.logIn(plain.email)).status).toBe(200);
  });
});

describe('an API key', () => {
  it('403 cannot begin, confirm or remove a second factor', async () => {
    const { id, tokens } = await identity.visitor();
    const made = await identity.call('POST', '/v1/api-keys', {
      token: tokens.accessToken,
      body: { name: 'a key', scopes: ['accounts:read'] },
    });
    const { token } = issueKeyToken(identity.resources, {
      userId: parseId('usr', id) ?? '',
      keyId: parseId('key', String(made.body.id)) ?? newUuid(),
      roles: ['admin'],
      scopes: ['accounts:read'],
      keyExpiresAt: null,
    });
    expect((await identity.call('GET', '/v1/me', { token })).body.id).toBe(id);
    const answers = [await begin(token), await confirm(token, '123456'), await remove(token, '123456')];
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual(Array(3).fill([403, 'forbidden']));
    const unknown = issueKeyToken(identity.resources, {
      userId: parseId('usr', id) ?? '',
      keyId: newUuid(),
      roles: [],
      scopes: [],
      keyExpiresAt: null,
    });
    expect((await identity.call('GET', '/v1/me', { token: unknown.token })).status).toBe(401);
  });
});

describe('POST /v1/auth/login with a second factor', () => {
  it('200 with the code of this step, the one before or the one after; each works once', async () => {
    const { email, secret } = await guardedVisitor(identity);
    for (const steps of [-1, 0, 1]) {
      const otp = codeAt(secret, steps);
      expect((await logInWith(identity, email, otp)).status, String(steps)).toBe(200);
      expect(codeOf(await logInWith(identity, email, otp))).toBe('mfa_invalid');
    }
    await forgetUsedCodes(identity);
    expect(codeOf(await logInWith(identity, email, codeAt(secret, -3)))).toBe('mfa_invalid');
  });

  it('of nine parallel logins with one code one gets in', async () => {
    const { email, secret } = await guardedVisitor(identity);
    const otp = codeAt(secret);
    const answers = await Promise.all(Array.from({ length: 9 }, () => logInWith(identity, email, otp)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter((answer) => codeOf(answer) === 'mfa_invalid')).toHaveLength(8);
  });

  it('of parallel uses of one code in several processes one is right, of the app’s and of a recovery code', async () => {
    const { id, secret, recoveryCodes } = await guardedVisitor(identity);
    const userId = parseId('usr', id) ?? '';
    for (const otp of [codeAt(secret), recoveryCodes[0]]) {
      const verdicts = await Promise.all(
        Array.from({ length: 8 }, () =>
          inTransaction(identity.db, (tx) => checkSecondFactor(identity.resources, tx, userId, otp)),
        ),
      );
      expect(verdicts.sort()).toEqual(['right', ...Array(7).fill('wrong')]);
    }
  });

  it('a recovery code works once in place of a code, in any case and spacing', async () => {
    const { email, recoveryCodes } = await guardedVisitor(identity);
    const [first = '', second = ''] = recoveryCodes;
    const [one, two] = await Promise.all([first, first].map((code) => logInWith(identity, email, code)));
    expect([one?.status, two?.status].sort()).toEqual([200, 401]);
    expect((await logInWith(identity, email, second.toUpperCase().replaceAll('-', ' '))).status).toBe(200);
    expect(codeOf(await logInWith(identity, email, second))).toBe('mfa_invalid');
    const other = await guardedVisitor(identity);
    expect(codeOf(await logInWith(identity, other.email, recoveryCodes[2] ?? ''))).toBe('mfa_invalid');
  });

  it('a code is not looked at where no factor is on', async () => {
    const { email } = await identity.visitor();
    expect((await logInWith(identity, email, 'whatever')).status).toBe(200);
  });

  it('a wrong password says the same with and without a code as it does for an account without a factor', async () => {
    const guarded = await guardedVisitor(identity);
    const plain = await identity.visitor();
    const wrong = 'a wrong password';
    const answers = [
      await identity.logIn(plain.email, wrong),
      await identity.logIn(guarded.email, wrong),
      await logInWith(identity, guarded.email, codeAt(guarded.secret), wrong),
      await logInWith(identity, plain.email, '123456', wrong),
      await logInWith(identity, 'nobody@example.com', '123456', wrong),
    ];
    const bodies = answers.map(({ status, body: { traceId: _own, ...body } }) => JSON.stringify({ status, body }));
    expect(new Set(bodies).size).toBe(1);
    expect(answers.map(codeOf)).toEqual(Array(5).fill('invalid_credentials'));
    // The code was not used up by the wrong password.
    expect((await logInWith(identity, guarded.email, codeAt(guarded.secret))).status).toBe(200);
  });

  it('a disabled user with the right password learns nothing of the factor', async () => {
    const { email, secret } = await guardedVisitor(identity);
    await identity.db.updateTable('users').set({ status: 'disabled' }).where('email', '=', email).execute();
    expect(codeOf(await identity.logIn(email, password))).toBe('invalid_credentials');
    expect(codeOf(await logInWith(identity, email, codeAt(secret)))).toBe('invalid_credentials');
  });
});
