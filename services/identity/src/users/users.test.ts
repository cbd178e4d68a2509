import { formatId, newUuid } from '@florin/service';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  admin,
  claimsOf,
  codeOf,
  startIdentity,
  type TestIdentity,
  tokensOf,
} from '../testing/test-identity.ts';
import { createFirstAdmin } from './create-first-admin.ts';

let identity: TestIdentity;
let adminToken: string;
let operatorToken: string;
beforeAll(async () => {
  identity = await startIdentity();
  adminToken = (await identity.admin()).accessToken;
  operatorToken = await tokenWith(['customer', 'operator']);
});
afterAll(() => identity.close());

async function tokenWith(roles: string[]): Promise<string> {
  const { id, email } = await identity.visitor();
  const changed = await change(id, { roles });
  if (changed.status !== 200) throw new Error(changed.text);
  return tokensOf(await identity.logIn(email)).accessToken;
}

function change(id: string, body: object, token = adminToken): Promise<Answer> {
  return identity.call('PATCH', `/v1/users/${id}`, { token, body });
}

function read(url: string, token = operatorToken): Promise<Answer> {
  return identity.call('GET', url, { token });
}

describe('the first admin', () => {
  it('is made once, also by parallel starts, and keeps its password', async () => {
    const others = await Promise.all(
      Array.from({ length: 5 }, () =>
        createFirstAdmin(identity.resources, { email: 'Root@florin.test', password: 'first password' }),
      ),
    );
    expect(others.filter((made) => made)).toHaveLength(1);
    expect(await createFirstAdmin(identity.resources, { email: 'root@florin.test', password: 'other password' })).toBe(
      false,
    );
    expect((await identity.logIn('root@florin.test', 'other password')).status).toBe(401);
    const tokens = tokensOf(await identity.logIn('root@florin.test', 'first password'));
    expect(claimsOf(tokens.accessToken).roles).toEqual(['admin']);
  });

  it('does not raise somebody who has the email already', async () => {
    const { email } = await identity.visitor();
    expect(await createFirstAdmin(identity.resources, { email, password: 'whatever password' })).toBe(false);
    const tokens = tokensOf(await identity.logIn(email));
    expect(claimsOf(tokens.accessToken).roles).toEqual(['customer']);
  });
});

describe('GET /v1/me · PATCH /v1/me', () => {
  it('200 shows the caller', async () => {
    const { id, email, tokens } = await identity.visitor();
    const { status, body } = await read('/v1/me', tokens.accessToken);
    expect(status).toBe(200);
    expect(body).toEqual({
      id,
      email,
      name: 'A Visitor',
      locale: 'en',
      roles: ['customer'],
      status: 'active',
      emailVerified: false,
      createdAt: expect.any(String),
    });
  });

  it('200 changes name and locale, and nothing that was not given', async () => {
    const { tokens } = await identity.visitor();
    const patch = (body: object) => identity.call('PATCH', '/v1/me', { token: tokens.accessToken, body });
    expect((await patch({ name: 'New Name' })).body).toMatchObject({ name: 'New Name', locale: 'en' });
    expect((await patch({ locale: 'pt-br' })).body).toMatchObject({ name: 'New Name', locale: 'pt-BR' });
    expect((await patch({})).body).toMatchObject({ name: 'New Name', locale: 'pt-BR' });
    for (const [field, value] of Object.entries({
      roles: ['admin'],
      email: 'x@example.com',
      status: 'active',
      name: null,
      locale: 'x',
    })) {
      const answer = await patch({ [field]: value });
      expect(answer.body).toMatchObject({ status: 400, errors: [{ pointer: `/${field}` }] });
    }
  });

  it('401 without a token, with a bad one, and for a service', async () => {
    expect(codeOf(await identity.call('GET', '/v1/me'))).toBe('unauthenticated');
    expect(codeOf(await read('/v1/me', 'a.b.c'))).toBe('unauthenticated');
    expect((await identity.call('GET', '/v1/me')).headers['www-authenticate']).toBe('Bearer');
  });
});

describe('GET /v1/users · GET /v1/users/{id}', () => {
  it.each(['/v1/users', `/v1/users/${formatId('usr', newUuid())}`])(
    '403 for customers and auditors: %s',
    async (url) => {
      const { tokens } = await identity.visitor();
      expect(codeOf(await read(url, tokens.accessToken))).toBe('forbidden');
      expect(codeOf(await read(url, await tokenWith(['auditor'])))).toBe('forbidden');
      expect((await read(url)).status).not.toBe(403);
      expect((await read(url, adminToken)).status).not.toBe(403);
    },
  );

  it('200 finds by email in any case, and by status', async () => {
    const { id, email } = await identity.visitor();
    const found = await read(`/v1/users?email=${encodeURIComponent(email.toUpperCase())}`);
    expect(found.body).toMatchObject({ data: [{ id, email }], nextCursor: null });
    expect((await read('/v1/users?email=nobody@example.com')).body).toEqual({ data: [], nextCursor: null });
    await change(id, { status: 'disabled' });
    expect((await read('/v1/users?status=disabled')).body).toMatchObject({ data: [{ id, status: 'disabled' }] });
    expect((await read('/v1/users?status=asleep')).status).toBe(400);
    expect((await read('/v1/users?role=admin')).status).toBe(400);
  });

  it('200 pages through everyone once, the newest first', async () => {
    for (let extra = 0; extra < 5; extra += 1) await identity.visitor();
    const ids: string[] = [];
    let cursor: unknown = '';
    while (cursor !== null) {
      const { body } = await read(`/v1/users?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`);
      ids.push(...(body.data as { id: string }[]).map(({ id }) => id));
      cursor = body.nextCursor;
    }
    const all = (await read('/v1/users?limit=100')).body.data as { id: string }[];
    expect(ids).toEqual(all.map(({ id }) => id));
    expect(ids).toEqual([...ids].sort().reverse());
    expect(codeOf(await read('/v1/users?cursor=bm9uc2Vuc2U'))).toBe('invalid_cursor');
  });

  it('404 with one body for ids that nobody has and texts that are none', async () => {
    const answers = [await read(`/v1/users/${formatId('usr', newUuid())}`), await read('/v1/users/usr_nonsense')];
    expect(answers.map(({ status, body }) => [status, body.code, body.detail])).toEqual([
      [404, 'not_found', 'There is nothing here.'],
      [404, 'not_found', 'There is nothing here.'],
    ]);
  });
});

describe('PATCH /v1/users/{id}', () => {
  it('200 status disabled ends all sessions and shuts the login; active opens it again', async () => {
    const { id, email, tokens } = await identity.visitor();
    const second = tokensOf(await identity.logIn(email));
    expect((await change(id, { status: 'disabled' }, operatorToken)).body).toMatchObject({ id, status: 'disabled' });
    for (const { accessToken, refreshToken } of [tokens, second]) {
      expect((await read('/v1/me', accessToken)).status).toBe(401);
      expect((await identity.refresh(refreshToken)).status).toBe(401);
    }
    expect(codeOf(await identity.logIn(email))).toBe('invalid_credentials');
    await change(id, { status: 'active' }, operatorToken);
    expect((await identity.logIn(email)).status).toBe(200);
    expect((await read('/v1/me', tokens.accessToken)).status).toBe(401);
  });

  it('no session slips past: a login that meets a disabling waits for it and is refused', async () => {
    const { id, email } = await identity.visitor();
    let login: Promise<Answer> | undefined;
    await identity.db.transaction().execute(async (tx) => {
      await tx.updateTable('users').set({ status: 'disabled' }).where('email', '=', email).execute();
      login = identity.logIn(email);
      await new Promise((resolve) => setTimeout(resolve, 300));
    });
    expect(codeOf(await (login ?? identity.logIn(email)))).toBe('invalid_credentials');
    await change(id, { status: 'active' });
  });

  it('200 a role that is taken away ends the sessions, one that is given does not', async () => {
    const { id, tokens } = await identity.visitor();
    expect((await change(id, { roles: ['operator', 'customer'] })).body.roles).toEqual(['customer', 'operator']);
    expect((await read('/v1/me', tokens.accessToken)).status).toBe(200);
    const raised = tokensOf(await identity.refresh(tokens.refreshToken));
    expect((await read('/v1/users', raised.accessToken)).status).toBe(200);
    await change(id, { roles: ['customer'] });
    expect((await read('/v1/users', raised.accessToken)).status).toBe(401);
  });

  it('403 roles by an operator; 409 an admin resigning; nothing changes', async () => {
    const { id } = await identity.visitor();
    expect(codeOf(await change(id, { roles: ['admin'] }, operatorToken))).toBe('forbidden');
    const { id: own } = (await read('/v1/me', adminToken)).body;
    expect(codeOf(await change(String(own), { roles: ['operator'] }))).toBe('conflict');
    expect(codeOf(await change(String(own), { status: 'disabled' }))).toBe('conflict');
    expect((await read('/v1/me', adminToken)).body).toMatchObject({
      email: admin.email,
      roles: ['admin'],
      status: 'active',
    });
  });

  it('200 an operator sets the KYC level, and operators alone see it', async () => {
    const { id, tokens } = await identity.visitor();
    expect((await read(`/v1/users/${id}`)).body.kycLevel).toBe('none');
    expect((await change(id, { kycLevel: 'basic' }, operatorToken)).body).toMatchObject({
      kycLevel: 'basic',
      status: 'active',
    });
    await change(id, { status: 'active' }, operatorToken);
    expect((await read(`/v1/users/${id}`)).body.kycLevel).toBe('basic');
    const { email } = (await read('/v1/me', tokens.accessToken)).body;
    expect((await read(`/v1/users?email=${email}`)).body).toMatchObject({ data: [{ kycLevel: 'basic' }] });
    expect((await read('/v1/me', tokens.accessToken)).body).not.toHaveProperty('kycLevel');
    expect((await change(id, { kycLevel: 'full' }, tokens.accessToken)).status).toBe(403);
  });

  it.each([
    { kycLevel: 'diamond' },
    { kycLevel: null },
    { roles: [] },
    { roles: ['root'] },
    { roles: ['admin', 'admin'] },
    { roles: 'admin' },
    { status: 'gone' },
    { email: 'x@y.zz' },
  ])('400 validation_failed %j', async (body) => {
    const { id } = await identity.visitor();
    expect((await change(id, body)).status).toBe(400);
  });

  it('404 for nobody', async () => {
    expect((await change(formatId('usr', newUuid()), { status: 'disabled' })).status).toBe(404);
  });
});
