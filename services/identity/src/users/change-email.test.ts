import { parseId } from '@florin/service';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditOf, staleToken } from '../testing/passkeys.ts';
import { type Answer, codeOf, password, startIdentity, type TestIdentity, tokensOf } from '../testing/test-identity.ts';
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

let addresses = 0;
const newAddress = () => `New.Address${++addresses}@Example.com`;
const ask = (token: string, email: string): Promise<Answer> =>
  identity.call('POST', '/v1/me/email', { token, body: { email } });
const confirm = (token: string, mailToken: string): Promise<Answer> =>
  identity.call('POST', '/v1/me/email/confirm', { token, body: { token: mailToken } });
const me = async (token: string) => (await identity.call('GET', '/v1/me', { token })).body;
const refused = { status: 400, body: { errors: [{ pointer: '/token' }] } };

async function mailsAsked(id: string): Promise<[string, string][]> {
  const query = identity.db.selectFrom('mails').select(['kind', 'state']).orderBy('id');
  const rows = await query.where('user_id', '=', parseId('usr', id) ?? '').execute();
  return rows.map(({ kind, state }) => [kind, state]);
}

describe('POST /v1/me/email · /confirm', () => {
  it('202, a token to the new address and a notice to the old; 204 changes it, proven, and ends other sessions', async () => {
    const { id, email, tokens } = await identity.visitor();
    const token = tokens.accessToken;
    const other = tokensOf(await identity.logIn(email));
    const address = newAddress();
    expect(await ask(token, address)).toMatchObject({ status: 202, body: {} });
    expect(await me(token)).toMatchObject({ email, emailVerified: false });
    const mailToken = await post.tokenTo(address.toLowerCase());
    await post.quiet();
    expect((await post.mailsTo(email)).map(({ subject }) => subject)).toContain(
      'Your email address is about to change',
    );
    expect((await confirm(token, mailToken)).status).toBe(204);
    expect(await me(token)).toMatchObject({ email: address.toLowerCase(), emailVerified: true });
    expect((await identity.call('GET', '/v1/me', { token: other.accessToken })).status).toBe(401);
    expect(codeOf(await identity.logIn(email))).toBe('invalid_credentials');
    expect((await identity.logIn(address)).status).toBe(200);
    await post.quiet();
    expect((await post.mailsTo(email)).at(-1)?.subject).toBe('Your email address was changed');
    expect((await auditOf(identity, id)).map(({ action, details }) => [action, details])).toEqual(
      expect.arrayContaining([
        ['email.change_requested', {}],
        ['email.changed', {}],
      ]),
    );
    const events = await identity.db.selectFrom('outbox').select('event').execute();
    expect(events.map(({ event }) => event)).toContainEqual(
      expect.objectContaining({
        type: 'identity.user.email-changed.v1',
        subject: id,
        data: { user: { id, email: address.toLowerCase() } },
      }),
    );
  });

  it('a token is good once, for its user alone, and dies with a later request', async () => {
    const [ada, eve] = [await identity.visitor(), await identity.visitor()];
    const [first, second] = [newAddress(), newAddress()];
    await ask(ada.tokens.accessToken, first);
    const early = await post.tokenTo(first.toLowerCase());
    await ask(ada.tokens.accessToken, second);
    const late = await post.tokenTo(second.toLowerCase());
    expect(await confirm(ada.tokens.accessToken, early)).toMatchObject(refused);
    expect(await confirm(eve.tokens.accessToken, late)).toMatchObject(refused);
    const answers = await Promise.all([1, 2, 3].map(() => confirm(ada.tokens.accessToken, late)));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 400, 400]);
    expect(await confirm(ada.tokens.accessToken, 'x')).toMatchObject(refused);
    const { rows } = { rows: await identity.db.selectFrom('one_time_tokens').selectAll().execute() };
    expect(rows.filter(({ user_id }) => user_id === parseId('usr', ada.id))).toEqual([]);
  });

  it('202 also for an address that somebody has, or that is one’s own: no mail goes there', async () => {
    const [ada, eve] = [await identity.visitor(), await identity.visitor()];
    await post.quiet();
    const [mailsOfEve, mailsOfAda] = [(await post.mailsTo(eve.email)).length, (await post.mailsTo(ada.email)).length];
    const taken = await ask(ada.tokens.accessToken, eve.email.toUpperCase());
    const own = await ask(ada.tokens.accessToken, ada.email);
    expect([taken.status, taken.text]).toEqual([202, own.text]);
    await post.quiet();
    expect(await post.mailsTo(eve.email)).toHaveLength(mailsOfEve);
    // Two notices, and no token.
    expect(await post.mailsTo(ada.email)).toHaveLength(mailsOfAda + 2);
    expect((await mailsAsked(ada.id)).filter(([kind]) => kind === 'change_email')).toEqual([
      ['change_email', 'dropped'],
      ['change_email', 'dropped'],
    ]);
  });

  it('an address that somebody took meanwhile is refused like a wrong token', async () => {
    const ada = await identity.visitor();
    const address = newAddress();
    await ask(ada.tokens.accessToken, address);
    const mailToken = await post.tokenTo(address.toLowerCase());
    const body = { email: address, password, name: 'Quick' };
    expect((await identity.call('POST', '/v1/auth/register', { body })).status).toBe(201);
    expect(await confirm(ada.tokens.accessToken, mailToken)).toMatchObject(refused);
    expect(await me(ada.tokens.accessToken)).toMatchObject({ email: ada.email });
  });

  it('of several who confirm the same address at once one gets it, and nobody an error', async () => {
    const visitors = [await identity.visitor(), await identity.visitor(), await identity.visitor()];
    const address = newAddress();
    for (const { tokens } of visitors) await ask(tokens.accessToken, address);
    const mails = await post.mailsTo(address.toLowerCase(), 3);
    const tokens = mails.map(({ text }) => /#token=([\w-]+)/.exec(text ?? '')?.[1] ?? '');
    const calls = visitors.flatMap((visitor) => tokens.map((each) => confirm(visitor.tokens.accessToken, each)));
    const statuses = (await Promise.all(calls)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 204)).toHaveLength(1);
    expect(new Set(statuses)).toEqual(new Set([204, 400]));
  });

  it('what went to the old address is worthless: reset and verification tokens, and those still on their way', async () => {
    const { email, tokens } = await identity.visitor();
    const address = newAddress();
    const verification = await post.tokenTo(email);
    await identity.call('POST', '/v1/auth/password/forgot', { body: { email } });
    const reset = await post.tokenTo(email, 2);
    await ask(tokens.accessToken, address);
    const mailToken = await post.tokenTo(address.toLowerCase());
    expect((await confirm(tokens.accessToken, mailToken)).status).toBe(204);
    const body = { token: reset, password: 'another long password' };
    expect((await identity.call('POST', '/v1/auth/password/reset', { body })).status).toBe(400);
    const verify = { body: { token: verification } };
    expect((await identity.call('POST', '/v1/auth/email/verify', verify)).status).toBe(400);
  });

  it('403 step_up_required where the login is not recent; 400 for no address; 401 without a session', async () => {
    const visitor = await identity.visitor();
    expect(codeOf(await ask(visitor.tokens.accessToken, 'nobody'))).toBe('validation_failed');
    expect((await identity.call('POST', '/v1/me/email', { body: { email: newAddress() } })).status).toBe(401);
    expect((await identity.call('POST', '/v1/me/email/confirm', { body: { token: 'x' } })).status).toBe(401);
    const token = await staleToken(identity, visitor);
    expect(codeOf(await ask(token, newAddress()))).toBe('step_up_required');
  });

  it('429 rate_limited for the eleventh request within 24 hours, whatever became of the others', async () => {
    const { tokens, id } = await identity.visitor();
    for (let request = 0; request < 10; request += 1) {
      expect((await ask(tokens.accessToken, newAddress())).status).toBe(202);
    }
    expect(codeOf(await ask(tokens.accessToken, newAddress()))).toBe('rate_limited');
    await identity.db
      .updateTable('mails')
      .set({ created_at: new Date(Date.now() - 86_401_000) })
      .where('user_id', '=', parseId('usr', id) ?? '')
      .execute();
    expect((await ask(tokens.accessToken, newAddress())).status).toBe(202);
  });
});
