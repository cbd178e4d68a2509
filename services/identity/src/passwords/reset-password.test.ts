import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeOf, password, startIdentity, type TestIdentity, tokensOf } from '../testing/test-identity.ts';
import { appUrl, startTestPost, type TestPost } from '../testing/test-post.ts';

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

const newPassword = 'another horse battery';
const forgot = (email: string) => identity.call('POST', '/v1/auth/password/forgot', { body: { email } });
const reset = (token: string, chosen = newPassword) =>
  identity.call('POST', '/v1/auth/password/reset', { body: { token, password: chosen } });
const resetMails = async (email: string) =>
  (await post.mailsTo(email)).filter(({ subject }) => subject === 'Choose a new password');

/** A visitor whose first mail, the one about the address, has come: the next one is the second. */
async function visitor() {
  const person = await identity.visitor();
  await post.mailsTo(person.email);
  return person;
}

/** Lets the time since all mails so far pass. */
async function pass(seconds: number): Promise<void> {
  await sql`update mails set created_at = created_at - ${seconds} * interval '1 second'`.execute(identity.db);
}

describe('POST /v1/auth/password/forgot', () => {
  it('202 with the same answer for everybody; only who is registered gets a mail', async () => {
    const { email } = await visitor();
    const answers = [await forgot(email.toUpperCase()), await forgot('nobody@example.com')];
    for (const { status, text, headers } of answers) {
      expect([status, text]).toEqual([202, '{}']);
      expect(Object.keys(headers).sort()).toEqual(Object.keys(answers[0]?.headers ?? {}).sort());
    }
    const mail = (await post.mailsTo(email, 2)).at(-1);
    expect(mail?.subject).toBe('Choose a new password');
    expect(mail?.text).toContain(`${appUrl}/reset-password#token=`);
    await post.quiet();
    expect(post.mail.received.flatMap(({ to }) => to)).not.toContain('nobody@example.com');
  });

  it('forgets addresses of nobody', async () => {
    await forgot('stranger@example.com');
    await post.quiet();
    const { rows } = await sql<{ row: string }>`select row_to_json(t)::text as row from mails t`.execute(identity.db);
    expect(rows.map(({ row }) => row).join('\n')).not.toContain('stranger');
  });

  it('an address gets one mail a minute and ten a day, however often and in parallel it is asked', async () => {
    const { email } = await visitor();
    await Promise.all(Array.from({ length: 10 }, () => forgot(email)));
    await post.quiet();
    expect(await resetMails(email)).toHaveLength(1);
    for (let sent = 2; sent <= 12; sent += 1) {
      await pass(61);
      await forgot(email);
      await post.quiet();
      expect(await resetMails(email)).toHaveLength(Math.min(sent, 10));
    }
    await pass(86_400);
    await forgot(email);
    await post.quiet();
    expect(await resetMails(email)).toHaveLength(11);
  });

  it('a disabled user gets none', async () => {
    const { email } = await visitor();
    await identity.db.updateTable('users').set({ status: 'disabled' }).where('email', '=', email).execute();
    await forgot(email);
    await post.quiet();
    expect(await resetMails(email)).toEqual([]);
  });

  it.each([{}, { email: 'nobody' }, { email: 1 }, { email: 'a@example.com', name: 'A' }])('400 %j', async (body) => {
    expect((await identity.call('POST', '/v1/auth/password/forgot', { body })).status).toBe(400);
  });
});

describe('POST /v1/auth/password/reset', () => {
  it('204: the new password opens, the old does not, every session has ended, the address is verified, a mail tells', async () => {
    const { id, email, tokens } = await visitor();
    const second = tokensOf(await identity.logIn(email));
    await forgot(email);
    const answer = await reset(await post.tokenTo(email, 2));
    expect([answer.status, answer.text]).toEqual([204, '']);
    for (const { accessToken, refreshToken } of [tokens, second]) {
      expect((await identity.call('GET', '/v1/me', { token: accessToken })).status).toBe(401);
      expect((await identity.refresh(refreshToken)).status).toBe(401);
    }
    expect(codeOf(await identity.logIn(email))).toBe('invalid_credentials');
    const fresh = tokensOf(await identity.logIn(email, newPassword));
    expect((await identity.call('GET', '/v1/me', { token: fresh.accessToken })).body.emailVerified).toBe(true);
    const { rows } = await sql<{ event: { data: { sessions: string[] } } }>`
      select event from outbox where event->>'subject' = ${id} and event->>'type' = 'identity.session.revoked.v1'`.execute(
      identity.db,
    );
    expect(rows.map(({ event }) => event.data.sessions.length)).toEqual([2]);
    const mail = (await post.mailsTo(email, 3)).at(-1);
    expect(mail?.subject).toBe('Your password was changed');
  });

  it('400 at /token for one that was used, and for all others of the user', async () => {
    const { email } = await visitor();
    await forgot(email);
    const first = await post.tokenTo(email, 2);
    await pass(61);
    await forgot(email);
    const second = await post.tokenTo(email, 3);
    await pass(61);
    // Asked for before the reset, and not sent yet.
    await post.loop.close();
    await forgot(email);
    expect((await reset(first)).status).toBe(204);
    await post.close();
    post = await startTestPost(identity);
    await post.mailsTo(email);
    await post.quiet();
    expect(await resetMails(email)).toEqual([]);
    for (const token of [first, second]) {
      const answer = await reset(token, 'yet another password');
      expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer: '/token' }] } });
    }
    expect((await identity.logIn(email, newPassword)).status).toBe(200);
  });

  it('of parallel uses one succeeds', async () => {
    const { email } = await visitor();
    await forgot(email);
    const token = await post.tokenTo(email, 2);
    const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => reset(token, `${newPassword} ${index}`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, ...Array.from({ length: 7 }, () => 400)]);
    const winner = answers.findIndex(({ status }) => status === 204);
    expect((await identity.logIn(email, `${newPassword} ${winner}`)).status).toBe(200);
  });

  it('400 for a token that expired, one for the address only, and one of a user who was disabled', async () => {
    const { email } = await identity.visitor();
    const verification = await post.tokenTo(email);
    expect((await reset(verification)).body).toMatchObject({ errors: [{ pointer: '/token' }] });
    await forgot(email);
    const token = await post.tokenTo(email, 2);
    await identity.db.updateTable('users').set({ status: 'disabled' }).where('email', '=', email).execute();
    expect((await reset(token)).status).toBe(400);
    await identity.db.updateTable('users').set({ status: 'active' }).where('email', '=', email).execute();
    await sql`update one_time_tokens set expires_at = expires_at - interval '1 hour'`.execute(identity.db);
    expect((await reset(token)).status).toBe(400);
    await sql`update one_time_tokens set expires_at = expires_at + interval '1 minute'`.execute(identity.db);
    expect((await reset(token)).status).toBe(204);
  });

  it('a password that cannot be used is 400 at /password and does not spend the token', async () => {
    const { email } = await visitor();
    await forgot(email);
    const token = await post.tokenTo(email, 2);
    for (const bad of ['short', 'password123', email, 'x'.repeat(257)]) {
      expect(await reset(token, bad)).toMatchObject({ status: 400, body: { errors: [{ pointer: '/password' }] } });
    }
    expect((await reset(token)).status).toBe(204);
  });

  it('opens a locked account: the guesses were at another password', async () => {
    const { email } = await visitor();
    await forgot(email);
    const token = await post.tokenTo(email, 2);
    for (let guess = 0; guess < 10; guess += 1) await identity.logIn(email, 'wrong, really');
    expect(codeOf(await identity.logIn(email))).toBe('account_locked');
    await reset(token);
    expect((await identity.logIn(email, newPassword)).status).toBe(200);
  });

  it('no session slips past: a login that compared with the old password is refused after the reset', async () => {
    const { id: _id, email } = await visitor();
    let login: ReturnType<TestIdentity['logIn']> | undefined;
    await identity.db.transaction().execute(async (tx) => {
      const user = await tx.selectFrom('users').select('id').where('email', '=', email).forUpdate().executeTakeFirst();
      login = identity.logIn(email, password);
      await new Promise((resolve) => setTimeout(resolve, 300));
      await tx
        .updateTable('passwords')
        .set({ hash: 'changed' })
        .where('user_id', '=', user?.id ?? '')
        .execute();
    });
    const answer = await (login ?? identity.logIn(email));
    expect(codeOf(answer)).toBe('invalid_credentials');
  });
});
