import { parseId } from '@florin/service';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, claimsOf, codeOf, startIdentity, type TestIdentity, tokensOf } from '../testing/test-identity.ts';

let identity: TestIdentity;
beforeAll(async () => {
  identity = await startIdentity();
});
afterAll(() => identity.close());

/** Makes every session look as if it had last been used so many seconds earlier. */
async function passSeconds(seconds: number): Promise<void> {
  const earlier = sql<Date>`rotated_at - make_interval(secs => ${seconds})`;
  const used = sql<Date>`last_used_at - make_interval(secs => ${seconds})`;
  await identity.db.updateTable('sessions').set({ rotated_at: earlier, last_used_at: used }).execute();
}

async function firstToken(): Promise<string> {
  return (await identity.visitor()).tokens.refreshToken;
}

async function next(refreshToken: string): Promise<string> {
  return tokensOf(await identity.refresh(refreshToken)).refreshToken;
}

function refusal({ status, body: { traceId: _own, ...body } }: Answer) {
  return { status, body };
}

describe('POST /v1/auth/refresh', () => {
  it('200 rotates: a new refresh token and an access token of the same session', async () => {
    const { tokens, id } = await identity.visitor();
    const answer = await identity.refresh(tokens.refreshToken);
    expect(answer.body).toMatchObject({ tokenType: 'Bearer', expiresIn: 600 });
    const renewed = tokensOf(answer);
    expect(renewed.refreshToken).not.toBe(tokens.refreshToken);
    expect(claimsOf(renewed.accessToken).sid).toBe(claimsOf(tokens.accessToken).sid);
    const me = await identity.call('GET', '/v1/me', { token: renewed.accessToken });
    expect(me.body).toMatchObject({ id });
  });

  it('the token before gives the same successor once, and the session lives on', async () => {
    const first = await firstToken();
    const second = await next(first);
    expect(await next(first)).toBe(second);
    expect(await next(second)).toMatch(/^flr_/);
  });

  it('401 on the second retry of a spent token, and the session is over', async () => {
    const first = await firstToken();
    const second = await next(first);
    await next(first);
    expect((await identity.refresh(first)).status).toBe(401);
    expect((await identity.refresh(second)).status).toBe(401);
  });

  it('401 on a retry after 10 s, and the session is over, its access tokens too', async () => {
    const { tokens } = await identity.visitor();
    const second = tokensOf(await identity.refresh(tokens.refreshToken));
    await passSeconds(10.1);
    expect(codeOf(await identity.refresh(tokens.refreshToken))).toBe('unauthenticated');
    expect((await identity.refresh(second.refreshToken)).status).toBe(401);
    expect((await identity.call('GET', '/v1/me', { token: second.accessToken })).status).toBe(401);
  });

  it('a retry within 10 s is still one', async () => {
    const first = await firstToken();
    const second = await next(first);
    await passSeconds(9);
    expect(await next(first)).toBe(second);
  });

  it('401 on a token two generations old, even at once; the revocation is told in the same transaction', async () => {
    const { tokens, id } = await identity.visitor();
    const third = await next(await next(tokens.refreshToken));
    expect((await identity.refresh(tokens.refreshToken)).status).toBe(401);
    expect((await identity.refresh(third)).status).toBe(401);
    const session = claimsOf(tokens.accessToken).sid;
    const { rows } = await sql<{ event: { type: string; data: { sessions: string[] } } }>`
      select event from outbox where event->>'subject' = ${id}`.execute(identity.db);
    const revocations = rows.map(({ event }) => event).filter(({ type }) => type === 'identity.session.revoked.v1');
    expect(revocations).toMatchObject([{ data: { user: id, sessions: [session] } }]);
  });

  it('20 parallel refreshes with one token give one successor, and the session lives on', async () => {
    const first = await firstToken();
    const answers = await Promise.all(Array.from({ length: 20 }, () => identity.refresh(first)));
    const successors = new Set(answers.map((answer) => tokensOf(answer).refreshToken));
    expect(successors.size).toBe(1);
    const [second = ''] = successors;
    expect(await next(second)).toMatch(/^flr_/);
  });

  it('20 parallel requests with a token spent long ago revoke once', async () => {
    const { tokens, id } = await identity.visitor();
    await next(await next(tokens.refreshToken));
    const answers = await Promise.all(Array.from({ length: 20 }, () => identity.refresh(tokens.refreshToken)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
    const { rows } = await sql`select 1 from outbox where event->>'subject' = ${id}
      and event->>'type' = 'identity.session.revoked.v1'`.execute(identity.db);
    expect(rows).toHaveLength(1);
  });

  it('waits for the rotation of another process and decides on what that one left', async () => {
    const { tokens } = await identity.visitor();
    const id = parseId('ses', String(claimsOf(tokens.accessToken).sid)) ?? '';
    let refreshed: Promise<Answer> | undefined;
    await identity.db.transaction().execute(async (tx) => {
      await tx.updateTable('sessions').set({ generation: 3 }).where('id', '=', id).execute();
      refreshed = identity.refresh(tokens.refreshToken);
      await new Promise((resolve) => setTimeout(resolve, 200));
    });
    expect((await refreshed)?.status).toBe(401);
    const { generation, revoked_for } = await identity.db
      .selectFrom('sessions')
      .select(['generation', 'revoked_for'])
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    expect({ generation, revoked_for }).toEqual({ generation: 3, revoked_for: 'refresh_token_reuse' });
  });

  it('a chain of 30 generations works, and each spent token would end it', async () => {
    const tokens = [await firstToken()];
    for (let generation = 1; generation <= 30; generation += 1) tokens.push(await next(tokens.at(-1) ?? ''));
    expect(new Set(tokens).size).toBe(31);
    expect((await identity.refresh(tokens[12] ?? '')).status).toBe(401);
    expect((await identity.refresh(tokens[30] ?? '')).status).toBe(401);
  });

  it('401 with one body for made-up, changed, revoked and expired tokens; made-up ones end nothing', async () => {
    const { tokens } = await identity.visitor();
    const good = tokens.refreshToken;
    const changed = good.slice(0, 40) + (good[40] === 'A' ? 'B' : 'A') + good.slice(41);
    const answers = [await identity.refresh('flr_made-up'), await identity.refresh(changed)];
    const third = await next(good);
    await identity.db
      .updateTable('sessions')
      .set({ expires_at: new Date(Date.now() - 1_000) })
      .execute();
    answers.push(await identity.refresh(third));
    await identity.db.updateTable('sessions').set({ revoked_at: new Date(), revoked_for: 'logout' }).execute();
    answers.push(await identity.refresh(third));
    const [first, ...others] = answers.map(refusal);
    expect(first).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    for (const other of others) expect(other).toEqual(first);
  });

  it('nothing of a refresh token is in the database', async () => {
    const { tokens } = await identity.visitor();
    const second = await next(tokens.refreshToken);
    const { rows } = await sql<{ row: string }>`select row_to_json(sessions)::text as row from sessions`.execute(
      identity.db,
    );
    const dump = rows.map(({ row }) => row).join('\n');
    for (const token of [tokens.refreshToken, second]) {
      expect(dump).not.toContain(token.slice(4));
      const mac = Buffer.from(token.slice(4), 'base64url').subarray(20).toString('hex');
      expect(dump).not.toContain(mac);
    }
  });

  it('roles granted meanwhile are in the next access token, and no token outlives its session', async () => {
    const { tokens, email } = await identity.visitor();
    await identity.db
      .updateTable('users')
      .set({ roles: ['customer', 'auditor'] })
      .where('email', '=', email)
      .execute();
    await identity.db
      .updateTable('sessions')
      .set({ expires_at: new Date(Date.now() + 90_000) })
      .execute();
    const renewed = tokensOf(await identity.refresh(tokens.refreshToken));
    expect(claimsOf(renewed.accessToken).roles).toEqual(['customer', 'auditor']);
    expect(renewed.expiresIn).toBeLessThanOrEqual(90);
  });
});
