import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeToken } from '../one-time-tokens/one-time-token.ts';
import { startIdentity, type TestIdentity } from '../testing/test-identity.ts';
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

const verify = (token: unknown) => identity.call('POST', '/v1/auth/email/verify', { body: { token } });
const me = async (token: string) => (await identity.call('GET', '/v1/me', { token })).body;
const wrong = { status: 400, body: { code: 'validation_failed', errors: [{ pointer: '/token' }] } };

describe('POST /v1/auth/email/verify', () => {
  it('204 once, and the user is verified from then on', async () => {
    const { email, tokens } = await identity.visitor();
    const token = await post.tokenTo(email);
    expect((await me(tokens.accessToken)).emailVerified).toBe(false);
    const answer = await verify(token);
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect((await me(tokens.accessToken)).emailVerified).toBe(true);
    expect(await verify(token)).toMatchObject(wrong);
    expect((await me(tokens.accessToken)).emailVerified).toBe(true);
  });

  it('of 20 parallel uses one succeeds, and none fails in another way', async () => {
    const { email } = await identity.visitor();
    const token = await post.tokenTo(email);
    const answers = await Promise.all(Array.from({ length: 20 }, () => verify(token)));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, ...Array.from({ length: 19 }, () => 400)]);
  });

  it('400 with one body for unknown, spent and expired tokens and those for something else', async () => {
    const { email } = await identity.visitor();
    const token = await post.tokenTo(email);
    await identity.call('POST', '/v1/auth/password/forgot', { body: { email } });
    const resetToken = await post.tokenTo(email, 2);
    await identity.db
      .updateTable('one_time_tokens')
      .set({ expires_at: new Date(Date.now() - 1) })
      .where('purpose', '=', 'verify_email')
      .execute();
    const answers = await Promise.all([token, resetToken, makeToken(), 'x', '\u00fc'].map(verify));
    const bodies = answers.map(({ status, body: { traceId: _trace, ...body } }) => ({ status, body }));
    expect(bodies[0]).toMatchObject(wrong);
    for (const body of bodies) expect(body).toEqual(bodies[0]);
  });

  it.each([[undefined], [''], [1], [null], ['x'.repeat(201)]])('400 for %j', async (token) => {
    expect(await verify(token)).toMatchObject(wrong);
  });
});
