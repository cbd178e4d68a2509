import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { PasswordWork } from '../passwords/password-desk.ts';
import { hashPassword, verifyPassword } from '../passwords/password-hash.ts';
import type { Resources } from '../resources.ts';
import { startIdentity, type TestIdentity } from '../testing/test-identity.ts';
import { compareCosts, type WatchedApp, watchedApp } from '../testing/watched-app.ts';

let identity: TestIdentity;
let known: string;
beforeAll(async () => {
  identity = await startIdentity();
  known = (await identity.visitor()).email;
});
afterAll(() => identity.close());

const unknown = 'nobody-has-this@example.com';

function watched(resources: Resources = identity.resources): WatchedApp {
  const one = watchedApp(resources);
  onTestFinished(() => one.app.close());
  return one;
}

async function hasEmail(body: unknown): Promise<boolean> {
  const { email } = body as { email: string };
  const user = await identity.db.selectFrom('users').select('id').where('email', '=', email).executeTakeFirst();
  return user !== undefined;
}

/** A fault of the test's own: answers at once for an email that nobody has. */
function returnsEarly(status: number): WatchedApp {
  const one = watched();
  one.app.addHook('preHandler', async (request, reply) => {
    if (!(await hasEmail(request.body))) return reply.code(status).send({});
  });
  return one;
}

/** Another: does this instead of comparing with a real hash where there is none. */
function withVerify(forNobody: (password: string) => Promise<boolean>): Resources {
  const { resources } = identity;
  const planted = (desk: PasswordWork): PasswordWork => ({
    ...desk,
    verify: (password, stored) => (stored === undefined ? forNobody(password) : desk.verify(password, stored)),
  });
  return {
    ...resources,
    passwords: { withTurn: (work, askedAt) => resources.passwords.withTurn((desk) => work(planted(desk)), askedAt) },
  };
}

const cheapHash = '$argon2id$v=19$m=2048,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE';

interface Call {
  readonly url: string;
  readonly status: number;
  readonly fields: object;
  readonly guesses: boolean;
}

const login: Call = { url: '/v1/auth/login', status: 401, fields: { password: 'wrong, really' }, guesses: true };
const forgot: Call = { url: '/v1/auth/password/forgot', status: 202, fields: {}, guesses: false };

/** Makes the call for an email; every guess finds the same count of guesses before it. */
function caller({ app }: WatchedApp, call: Call) {
  const { url, status, fields } = call;
  return (email: string) => async () => {
    const answer = await app.inject({ method: 'POST', url, payload: { email, ...fields } });
    if (call.guesses) await sql`delete from login_guesses`.execute(identity.db);
    if (answer.statusCode !== status) throw new Error(answer.body);
    const { 'x-request-id': _id, date: _date, ...headers } = answer.headers;
    return { headers, body: answer.body.replace(/"traceId":"\w+"/, '') };
  };
}

/** Answer and trail, once for each. */
async function traces(one: WatchedApp, call: Call) {
  const ask = caller(one, call);
  const trace = async (email: string) => {
    one.trail.length = 0;
    return { answer: await ask(email)(), trail: [...one.trail] };
  };
  // The first request of an app compiles and connects.
  await trace(known);
  return { known: await trace(known), unknown: await trace(unknown) };
}

/** Of 24 against 24 without a difference, a share beyond these comes once in a million; a hash that is missing makes it 1. */
const alike = { least: 0.1, most: 0.9 };

describe('POST /v1/auth/login', () => {
  it('answers with the same body and headers, after the same work in the same order', async () => {
    const found = await traces(watched(), login);
    expect(found.unknown).toEqual(found.known);
    expect(found.known.trail).toContain('verify');
    expect(found.known.trail.length).toBeGreaterThanOrEqual(4);
  });

  it('takes the same time', { timeout: 60_000 }, async () => {
    const ask = caller(watched(), login);
    const { waited, worked } = await compareCosts(ask(known), ask(unknown), 24);
    for (const share of [waited, worked]) {
      expect(share).toBeGreaterThan(alike.least);
      expect(share).toBeLessThan(alike.most);
    }
  });

  it.each([
    ['an early return', () => returnsEarly(401)],
    ['no hash', () => watched(withVerify(async () => false))],
    ['a cheaper hash', () => watched(withVerify((password) => verifyPassword(password, cheapHash)))],
  ])('control: %s for an email that nobody has is found by the clock', async (_name, plant) => {
    const ask = caller(plant(), login);
    const { waited, worked } = await compareCosts(ask(known), ask(unknown), 12);
    expect(worked).toBeGreaterThan(0.95);
    expect(waited).toBeGreaterThan(alike.most);
  });

  it('control: an early return is found in the trail and the body', async () => {
    const found = await traces(returnsEarly(401), login);
    expect(found.unknown.trail).not.toEqual(found.known.trail);
    expect(found.unknown.answer).not.toEqual(found.known.answer);
  });
});

describe('POST /v1/auth/password/forgot', () => {
  it('answers with the same body and headers, after one and the same statement', async () => {
    const found = await traces(watched(), forgot);
    expect(found.unknown).toEqual(found.known);
    expect(found.known.trail).toEqual([expect.stringMatching(/^insert into "mails"/)]);
  });

  it('takes the same time', { timeout: 60_000 }, async () => {
    const ask = caller(watched(), forgot);
    const { waited, worked } = await compareCosts(ask(known), ask(unknown), 300);
    // Of 300 against 300 this is six standard deviations.
    expect(Math.abs(waited - 0.5)).toBeLessThan(0.15);
    expect(Math.abs(worked - 0.5)).toBeLessThan(0.15);
  });

  it('control: a token that is hashed within the request is found by the clock', async () => {
    const planted = watched();
    planted.app.addHook('preHandler', async (request) => {
      if (await hasEmail(request.body)) await hashPassword('a token for the mail');
    });
    const ask = caller(planted, forgot);
    const { waited, worked } = await compareCosts(ask(known), ask(unknown), 12);
    expect(worked).toBeGreaterThan(0.95);
    expect(waited).toBeGreaterThan(alike.most);
  });

  it('control: an early return is found in the trail', async () => {
    const found = await traces(returnsEarly(202), forgot);
    expect(found.unknown.trail).not.toEqual(found.known.trail);
  });
});
