import { eventually } from '@florin/testing';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeKey } from '../testing/api-keys.ts';
import { type Decision, startTestAccounts, type TestAccounts } from '../testing/test-accounts.ts';
import {
  codeOf,
  password,
  startIdentity,
  type TestIdentity,
  testConfig,
  type Visitor,
} from '../testing/test-identity.ts';
import { carryOutErasure } from './carry-out-erasure.ts';
import { claimErasures } from './erasure-queries.ts';
import { startErasureSweep } from './erasure-sweep.ts';

let accounts: TestAccounts;
let identity: TestIdentity;
beforeAll(async () => {
  accounts = await startTestAccounts();
  identity = await startIdentity({ services: { ...testConfig.services, accounts: accounts.url } });
  accounts.keys = identity.resources.keyRing;
});
beforeEach(() => {
  accounts.decide = () => 'closed';
});
afterAll(async () => {
  await identity.close();
  await accounts.close();
});

const leave = (visitor: Visitor) =>
  identity.call('DELETE', '/v1/me', { token: visitor.tokens.accessToken, body: { password } });

async function isErased(visitor: Visitor): Promise<boolean> {
  const { rows } = await sql<{ users: number; erased: number }>`
    select (select count(*)::int from users where email = ${visitor.email}) as users,
      (select count(*)::int from outbox where event ->> 'subject' = ${visitor.id}
        and event ->> 'type' = 'identity.user.erased.v1') as erased`.execute(identity.db);
  const [row] = rows;
  if (row?.users === row?.erased) throw new Error(`neither there nor erased once: ${JSON.stringify(row)}`);
  return row?.users === 0;
}

async function sweepUntil(check: () => Promise<void>): Promise<void> {
  const failures: unknown[] = [];
  await sql`update erasures set due_at = now() where due_at is not null`.execute(identity.db);
  const sweep = startErasureSweep(identity.resources, (error) => failures.push(error));
  try {
    await eventually(check, { timeoutMs: 15_000 });
  } finally {
    await sweep.close();
  }
  expect(failures).toEqual([]);
}

describe('accounts is away', () => {
  it('503 with Retry-After, nobody is erased unasked, and the wish is carried out once it is back', async () => {
    const visitor = await identity.visitor();
    accounts.decide = () => 'unavailable';
    const answer = await leave(visitor);
    expect([answer.status, codeOf(answer), answer.headers['retry-after']]).toEqual([503, 'upstream_unavailable', '5']);
    expect(await isErased(visitor)).toBe(false);
    expect((await identity.logIn(visitor.email)).status).toBe(200);
    accounts.decide = () => 'closed';
    await sweepUntil(async () => expect(await isErased(visitor)).toBe(true));
  });

  it('asking again before the sweep comes is another attempt; a refusal ends the wish', async () => {
    const visitor = await identity.visitor();
    accounts.decide = () => 'unavailable';
    expect((await leave(visitor)).status).toBe(503);
    accounts.decide = () => 'refused';
    expect((await leave(visitor)).status).toBe(409);
    accounts.decide = () => 'closed';
    // The sweep has worked when it has carried out this one.
    const other = await identity.visitor();
    accounts.decide = () => 'unavailable';
    expect((await leave(other)).status).toBe(503);
    accounts.decide = () => 'closed';
    await sweepUntil(async () => expect(await isErased(other)).toBe(true));
    expect(await isErased(visitor)).toBe(false);
  });
});

describe('two at once', () => {
  it('a second request while the first is asking is 503, and the person is erased once', async () => {
    const visitor = await identity.visitor();
    const gate = Promise.withResolvers<Decision>();
    const asked = Promise.withResolvers<void>();
    accounts.decide = () => {
      asked.resolve();
      return gate.promise;
    };
    const first = leave(visitor);
    await asked.promise;
    expect((await leave(visitor)).status).toBe(503);
    gate.resolve('closed');
    const answer = await first;
    // On a machine that stood still the first has given up meanwhile, and the sweep goes on.
    if (answer.status !== 204) await sweepUntil(async () => expect(await isErased(visitor)).toBe(true));
    expect(await isErased(visitor)).toBe(true);
    expect(accounts.calls.filter((call) => call.startsWith(visitor.id))[0]).toBe(`${visitor.id} 1`);
  });

  it('an attempt that was overtaken has no effect, whatever accounts said to it', async () => {
    const visitor = await identity.visitor();
    accounts.decide = () => 'unavailable';
    expect((await leave(visitor)).status).toBe(503);
    await sql`update erasures set due_at = now() where due_at is not null`.execute(identity.db);
    const [newest] = await claimErasures(identity.db, 1);
    if (newest === undefined) throw new Error('nothing was due');
    const overtaken = { ...newest, attempt: newest.attempt - 1n };
    for (const decision of ['closed', 'refused', 'unavailable'] as const) {
      accounts.decide = () => decision;
      await carryOutErasure(identity.resources, overtaken);
      expect(await isErased(visitor), decision).toBe(false);
    }
    accounts.decide = () => 'closed';
    expect(await carryOutErasure(identity.resources, newest)).toBe('erased');
    expect(await carryOutErasure(identity.resources, newest)).toBe('erased');
    expect(await isErased(visitor)).toBe(true);
  });
});

describe('whoever acts for the person at that moment', () => {
  it('leaves nothing behind: no session, key, factor or name that came after', async () => {
    for (let round = 0; round < 3; round += 1) {
      const visitor = await identity.visitor();
      const token = visitor.tokens.accessToken;
      const rename = { token, body: { name: 'Late Name' } };
      const answers = await Promise.all([
        identity.logIn(visitor.email),
        makeKey(identity, token),
        leave(visitor),
        identity.logIn(visitor.email),
        makeKey(identity, token, { name: 'Late key' }),
        identity.call('PATCH', '/v1/me', rename),
        identity.call('POST', '/v1/me/mfa/totp', { token }),
        identity.call('POST', '/v1/auth/password/forgot', { body: { email: visitor.email } }),
        identity.refresh(visitor.tokens.refreshToken),
        identity.call('PATCH', '/v1/me', rename),
      ]);
      expect(answers.map(({ status }) => status).filter((status) => status === 500)).toEqual([]);
      if (answers[2]?.status !== 204) await sweepUntil(async () => expect(await isErased(visitor)).toBe(true));
      expect((await identity.call('GET', '/v1/me', { token })).status).toBe(401);
      for (const answer of answers) {
        const issued = answer.body.accessToken;
        if (issued === undefined) continue;
        expect((await identity.call('GET', '/v1/me', { token: String(issued) })).status).toBe(401);
      }
    }
    const { rows } = await sql<{ count: number }>`select count(*)::int as count from (
      select user_id from sessions union all select user_id from api_keys union all select user_id from second_factors
    ) as left_over where user_id in (select id from erased_users)`.execute(identity.db);
    expect(rows).toEqual([{ count: 0 }]);
  });
});
