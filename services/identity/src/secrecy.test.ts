import { createPool } from '@florin/database';
import { sql } from 'kysely';
import { register } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startIdentity, type TestIdentity, tokensOf } from './testing/test-identity.ts';

let identity: TestIdentity;
beforeAll(async () => {
  identity = await startIdentity();
});
afterAll(() => identity.close());

const canary = 'c4n4ry-7f3e-Passw0rd';

describe('no secret in logs, events, answers or metrics', () => {
  it('canaries sent through every field and header, and every token made, are nowhere', async () => {
    const body = { email: 'quiet@example.com', password: canary, name: 'Quiet' };
    const answers = [
      await identity.call('POST', '/v1/auth/register', { body, headers: { 'idempotency-key': 'key-1' } }),
      await identity.call('POST', '/v1/auth/register', { body: { ...body, email: canary } }),
      await identity.call('POST', '/v1/auth/register', {
        body: { ...body, [canary.toLowerCase()]: 1 },
        headers: { cookie: canary },
      }),
      await identity.logIn('quiet@example.com', `${canary}!`),
      await identity.logIn('nobody@example.com', canary),
      await identity.refresh(canary),
      await identity.call('GET', '/v1/me', { token: canary }),
      await identity.call('GET', `/v1/users?email=${canary}`, { headers: { authorization: `Basic ${canary}` } }),
      await identity.call('POST', '/internal/service-tokens', {
        body: { client: 'gateway', secret: canary, audience: 'identity' },
      }),
    ];
    const login = tokensOf(await identity.logIn('quiet@example.com', canary));
    const asUser = { token: login.accessToken };
    answers.push(
      await identity.call('POST', '/v1/auth/password/forgot', { body: { email: canary } }),
      await identity.call('POST', '/v1/auth/password/reset', { body: { token: canary, password: canary } }),
      await identity.call('POST', '/v1/auth/email/verify', { body: { token: canary } }),
      await identity.call('POST', '/v1/me/password', {
        ...asUser,
        body: { currentPassword: `${canary}!`, newPassword: canary },
      }),
      await identity.call('POST', '/v1/me/password', {
        ...asUser,
        body: { currentPassword: canary, newPassword: `1${canary}` },
      }),
      await identity.call('POST', '/v1/me/password', {
        ...asUser,
        body: { currentPassword: `1${canary}`, newPassword: canary },
      }),
    );
    answers.push(
      await identity.call('POST', '/v1/auth/step-up', { ...asUser, body: { password: `${canary}!` } }),
      await identity.call('POST', '/v1/auth/step-up', { ...asUser, body: { password: canary, otp: canary } }),
      await identity.call('POST', '/v1/me/email', { ...asUser, body: { email: `${canary}@example.com` } }),
      await identity.call('POST', '/v1/me/email/confirm', { ...asUser, body: { token: canary } }),
    );
    const renewed = tokensOf(await identity.refresh(login.refreshToken));
    await identity.refresh(login.refreshToken);
    await identity.refresh(login.refreshToken);
    expect((await identity.call('GET', '/v1/me', { token: renewed.accessToken })).status).toBe(401);
    const secrets = [login, renewed].flatMap(({ accessToken, refreshToken }) => [accessToken, refreshToken]);
    const { rows } = await sql<{ event: object }>`select event from outbox`.execute(identity.db);
    const places = {
      logs: identity.logs(),
      events: JSON.stringify(rows),
      answers: answers
        // The name of an unknown field is repeated in the pointer at it.
        .map(({ text }) => text.replaceAll(`/${canary.toLowerCase()}`, ''))
        .join('\n'),
      metrics: await register.metrics(),
    };
    expect(places.logs).toContain('/v1/auth/login');
    expect(rows.length).toBeGreaterThan(1);
    for (const [place, text] of Object.entries(places)) {
      for (const secret of [canary, canary.toLowerCase(), ...secrets]) {
        expect(text.includes(secret), `${secret} in ${place}`).toBe(false);
      }
    }
  });

  it('an error of the database is answered 500 and logged, without the values of the statement', async () => {
    const broken = await startIdentity();
    const owner = createPool({
      url: broken.database.ownerUrl,
      schema: 'identity',
      applicationName: 'identity-test-owner',
    });
    try {
      // The whole row stands in the detail of this error.
      await owner.query('alter table users add constraint refuse_all check (false) not valid');
      const body = { email: `${canary.toLowerCase()}@example.com`, password: canary, name: canary };
      const answer = await broken.call('POST', '/v1/auth/register', { body });
      expect(answer.body).toMatchObject({ status: 500, code: 'internal_error' });
      expect(answer.text.toLowerCase()).not.toContain(canary.toLowerCase());
      expect(broken.logs()).toContain('refuse_all');
      expect(broken.logs().toLowerCase()).not.toContain(canary.toLowerCase());
    } finally {
      await owner.end();
      await broken.close();
    }
  });
});
