import { columnsWith } from '@florin/testing';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyAuditChain } from '../audit/verify-audit-chain.ts';
import { makeKey } from '../testing/api-keys.ts';
import { codeAt } from '../testing/second-factor.ts';
import { startTestAccounts, type TestAccounts } from '../testing/test-accounts.ts';
import { startIdentity, type TestIdentity, testConfig, tokensOf } from '../testing/test-identity.ts';

const canaries = {
  email: 'c4nary-mail@example.com',
  name: 'C4nary von Name',
  locale: 'gsw-CH',
  agent: 'C4nary-Agent/1.0',
  key: 'C4nary key',
  passkey: 'C4nary passkey',
  network: '198.51.100.77',
};
const password = 'c4nary correct horse';

let accounts: TestAccounts;
let identity: TestIdentity;
beforeAll(async () => {
  accounts = await startTestAccounts();
  identity = await startIdentity({ services: { ...testConfig.services, accounts: accounts.url } });
  accounts.keys = identity.resources.keyRing;
});
afterAll(async () => {
  await identity.close();
  await accounts.close();
});

const traces = () => columnsWith(identity.database.ownerUrl, 'identity', Object.values(canaries));

/** A person with a row in every table that can hold one. */
async function settleIn(): Promise<{ id: string; token: string; secret: string }> {
  const { email, name, locale } = canaries;
  const registration = { body: { email, password, name, locale }, headers: { 'idempotency-key': 'once' } };
  const { id } = (await identity.call('POST', '/v1/auth/register', registration)).body;
  const login = { body: { email, password }, headers: { 'user-agent': canaries.agent } };
  const token = tokensOf(await identity.call('POST', '/v1/auth/login', login)).accessToken;
  await identity.logIn(email, 'a wrong password');
  await makeKey(
    identity,
    token,
    { name: canaries.key, allowedIps: [canaries.network] },
    { 'idempotency-key': 'twice' },
  );
  const secret = String((await identity.call('POST', '/v1/me/mfa/totp', { token })).body.secret);
  await identity.call('POST', '/v1/me/mfa/totp/confirm', { token, body: { otp: codeAt(secret) } });
  await identity.call('POST', '/v1/auth/password/forgot', { body: { email } });
  await sql`insert into passkeys (id, user_id, name, credential_id, public_key, counter, transports, backed_up, created_at)
    select gen_random_uuid(), id, ${canaries.passkey}, decode(repeat('00', 16), 'hex'), '', 0, '{}', false, now()
    from users where email = ${email}`.execute(identity.db);
  await identity.db.updateTable('second_factors').set({ last_step: null }).execute();
  return { id: String(id), token, secret };
}

describe('after an erasure', () => {
  it('nothing that the person gave is in any column of any table, and the audit log is intact', async () => {
    const { id, token, secret } = await settleIn();
    expect(await traces()).toEqual(
      expect.arrayContaining(['users.email', 'users.name', 'sessions.user_agent', 'api_keys.name', 'mails.address']),
    );
    expect(await traces()).toEqual(expect.arrayContaining(['idempotency_keys.caller', 'idempotency_keys.body']));
    // As the relay does once an event is published.
    await identity.db.deleteFrom('outbox').execute();
    const call = { token, body: { password, otp: codeAt(secret) } };
    expect((await identity.call('DELETE', '/v1/me', call)).status).toBe(204);
    const { network: _network, ...typed } = canaries;
    expect(await columnsWith(identity.database.ownerUrl, 'identity', Object.values(typed))).toEqual([]);
    // Addresses are kept where they say who may have done what: see docs/personal-data.md.
    const kept = await columnsWith(identity.database.ownerUrl, 'identity', [canaries.network]);
    expect(kept.map((column) => column.split('.')[0])).not.toContain('api_keys');
    expect(kept.filter((column) => !column.startsWith('audit_'))).toEqual([]);
    expect(identity.logs().toLowerCase()).not.toContain(canaries.email);
    expect(identity.logs()).not.toContain(canaries.name);
    const { rows } = await sql<{ table: string }>`select 'users' as table from users where email = ${canaries.email}
      union all select 'login_guesses' from login_guesses`.execute(identity.db);
    expect(rows).toEqual([]);
    expect(await verifyAuditChain(identity.db)).toMatchObject({ intact: true });
    expect(id).toMatch(/^usr_/);
  });

  it('every table that names a user loses its rows with him', async () => {
    const { rows } = await sql<{ table: string }>`
      select table_name as table from information_schema.columns
      where table_schema = 'identity' and column_name in ('user_id', 'owner', 'owner_id')
      except
      select class.relname from pg_constraint as rule join pg_class as class on class.oid = rule.conrelid
      where rule.contype = 'f' and rule.confdeltype = 'c' and rule.confrelid = 'identity.users'::regclass`.execute(
      identity.db,
    );
    expect(rows).toEqual([]);
  });
});
