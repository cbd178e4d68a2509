import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guessKey } from '../sessions/guess-counter.ts';
import { guessesPerDay } from '../sessions/lockout.ts';
import { codeAt, forgetUsedCodes, guardedVisitor, logInWith, wrongCode } from '../testing/second-factor.ts';
import { codeOf, startIdentity, type TestIdentity } from '../testing/test-identity.ts';
import { startTestPost } from '../testing/test-post.ts';

let identity: TestIdentity;
beforeAll(async () => {
  identity = await startIdentity();
});
afterAll(() => identity.close());

const keyOf = (email: string) => guessKey(identity.resources.secrets.guessedEmails, email);

async function guesses(email: string) {
  const query = identity.db.selectFrom('login_guesses').selectAll().where('email_hash', '=', keyOf(email));
  return await query.executeTakeFirstOrThrow();
}

/** As if the locks had passed. */
async function liftLock(email: string) {
  const change = { failures: 0, locked_until: null };
  await identity.db.updateTable('login_guesses').set(change).where('email_hash', '=', keyOf(email)).execute();
}

describe('guesses at the second factor', () => {
  it('of 200 parallel wrong codes ten are looked at, counted exactly', async () => {
    const { email, secret } = await guardedVisitor(identity);
    const otp = wrongCode(secret);
    const before = (await guesses(email)).day_guesses;
    const answers = await Promise.all(Array.from({ length: 200 }, () => logInWith(identity, email, otp)));
    expect(answers.filter((answer) => codeOf(answer) === 'mfa_invalid')).toHaveLength(10);
    expect(answers.filter((answer) => codeOf(answer) === 'account_locked')).toHaveLength(190);
    expect(await guesses(email)).toMatchObject({ failures: 10, day_guesses: before + 10 });
    expect(codeOf(await logInWith(identity, email, codeAt(secret)))).toBe('account_locked');
  });

  it('wrong passwords, wrong codes and wrong codes at the removal share one hundred a day', async () => {
    const { email, secret, tokens } = await guardedVisitor(identity);
    const otp = wrongCode(secret);
    let looked = 0;
    for (let round = 0; round < 14; round += 1) {
      await liftLock(email);
      const batch = await Promise.all([
        ...Array.from({ length: 4 }, () => logInWith(identity, email, otp)),
        ...Array.from({ length: 3 }, () => identity.logIn(email, 'a wrong password')),
        ...Array.from({ length: 3 }, () =>
          identity.call('DELETE', '/v1/me/mfa/totp', { token: tokens.accessToken, body: { otp } }),
        ),
      ]);
      looked += batch.filter(({ status }) => status === 401).length;
    }
    expect(looked).toBe(guessesPerDay);
    expect((await guesses(email)).day_guesses).toBe(guessesPerDay);
    await liftLock(email);
    expect(codeOf(await logInWith(identity, email, codeAt(secret)))).toBe('account_locked');
  });

  it('a right password without a code is no guess, and does not wipe out the wrong codes before it', async () => {
    const { email, secret } = await guardedVisitor(identity);
    for (let guess = 0; guess < 5; guess += 1) await logInWith(identity, email, wrongCode(secret));
    const before = await guesses(email);
    expect(before).toMatchObject({ failures: 5, locked_until: null });
    for (let guess = 0; guess < 12; guess += 1) expect(codeOf(await identity.logIn(email))).toBe('mfa_required');
    expect(await guesses(email)).toMatchObject({ failures: 5, day_guesses: before.day_guesses, locked_until: null });
    for (let guess = 0; guess < 4; guess += 1) await logInWith(identity, email, wrongCode(secret));
    // The tenth in a row would lock; a password alone comes and goes without that.
    expect(codeOf(await identity.logIn(email))).toBe('mfa_required');
    await forgetUsedCodes(identity);
    expect((await logInWith(identity, email, codeAt(secret))).status).toBe(200);
    expect(await guesses(email)).toMatchObject({ failures: 0, locked_until: null });
  });

  it('a password reset by mail gives no further guesses at the code, and does not turn the factor off', async () => {
    const post = await startTestPost(identity);
    try {
      const { email, secret } = await guardedVisitor(identity);
      await post.mailsTo(email);
      for (let guess = 0; guess < 9; guess += 1) await logInWith(identity, email, wrongCode(secret));
      const before = await guesses(email);
      await identity.call('POST', '/v1/auth/password/forgot', { body: { email } });
      const body = { token: await post.tokenTo(email, 2), password: 'another horse battery' };
      expect((await identity.call('POST', '/v1/auth/password/reset', { body })).status).toBe(204);
      expect(await guesses(email)).toMatchObject({ failures: 9, day_guesses: before.day_guesses });
      expect(codeOf(await identity.logIn(email, body.password))).toBe('mfa_required');
      expect((await logInWith(identity, email, codeAt(secret), body.password)).status).toBe(200);
    } finally {
      await post.close();
    }
  });
});
