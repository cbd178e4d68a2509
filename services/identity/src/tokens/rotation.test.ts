import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { signingKeyAge, signingKeyDue } from '../metrics.ts';
import { codeOf, startIdentity, type TestIdentity } from '../testing/test-identity.ts';
import { measureSigningKeys } from './key-care.ts';
import { type KeyStore, revokeSigningKeys, rotateSigningKey, tendSigningKeys } from './rotate-signing-keys.ts';
import { readSigningKeys } from './signing-key-queries.ts';

const day = 86_400_000;
const rules = { periodMs: 30 * day, leadMs: 3_600_000 };

let identity: TestIdentity;
let store: KeyStore;
beforeEach(async () => {
  identity = await startIdentity();
  store = { db: identity.db, sealingKey: identity.resources.secrets.signingKeys };
});
afterEach(() => identity.close());

const reload = () => identity.resources.keyRing.reload();
const signer = () => identity.resources.keyRing.signer().kid;
const published = async () => (await readSigningKeys(identity.db)).map(({ kid }) => kid);
const me = (token: string) => identity.call('GET', '/v1/me', { token });

/** As if so much time had passed since every key began to sign. */
async function age(ms: number): Promise<void> {
  await sql`update signing_keys set not_before = not_before - ${ms} * interval '1 millisecond'`.execute(identity.db);
  await reload();
}

async function auditOf(kid: string): Promise<[string, unknown][]> {
  const rows = await identity.db.selectFrom('audit_pending').selectAll().where('resource', '=', kid).execute();
  return rows.map(({ action, actor, details }) => [action, { actor, ...details }]);
}

describe('the schedule', () => {
  it('of twenty processes one makes the next key, published at once and signing when the period ends', async () => {
    const first = signer();
    expect(await tendSigningKeys(store, rules)).toEqual({ coming: null, retired: [] });
    await age(30 * day - 1_800_000);
    const done = await Promise.all(Array.from({ length: 20 }, () => tendSigningKeys(store, rules)));
    const made = done.flatMap((rotation) => rotation?.coming ?? []);
    expect(made).toHaveLength(1);
    expect(await published()).toEqual([made[0]?.kid, first]);
    const lead = (made[0]?.signsFrom.getTime() ?? 0) - Date.now();
    expect(Math.abs(lead - rules.leadMs)).toBeLessThan(60_000);
    await reload();
    expect(signer()).toBe(first);
    await age(rules.leadMs + 60_000);
    expect(signer()).toBe(made[0]?.kid);
    expect(await auditOf(String(made[0]?.kid))).toMatchObject([
      ['signing_key.created', { actor: 'system', reason: 'schedule' }],
    ]);
  });

  it('the old key stays until its tokens have expired; then it is retired, its private half deleted and its tokens 401', async () => {
    const { tokens, email } = await identity.visitor();
    const first = signer();
    await rotateSigningKey(store, { leadMs: 0 });
    await reload();
    const fresh = String((await identity.logIn(email)).body.accessToken);
    expect(signer()).not.toBe(first);
    expect(await tendSigningKeys(store, rules)).toEqual({ coming: null, retired: [] });
    expect([(await me(tokens.accessToken)).status, (await me(fresh)).status]).toEqual([200, 200]);
    await age(2 * 3_600_000);
    expect(await tendSigningKeys(store, rules)).toEqual({ coming: null, retired: [first] });
    await reload();
    const refused = await me(tokens.accessToken);
    expect([refused.status, codeOf(refused), refused.body.detail]).toEqual([
      401,
      'unauthenticated',
      'A valid access token is needed.',
    ]);
    expect((await me(fresh)).status).toBe(200);
    const kept = identity.db.selectFrom('signing_keys').select('private_key').where('kid', '=', first);
    expect((await kept.executeTakeFirstOrThrow()).private_key).toBeNull();
    expect(await auditOf(first)).toMatchObject([['signing_key.retired', { reason: 'schedule' }]]);
  });

  it('the metrics say how old the signing key is and when the next one is due', async () => {
    await age(31 * day);
    await measureSigningKeys(identity, rules);
    const value = async (gauge: typeof signingKeyAge) => (await gauge.get()).values[0]?.value ?? Number.NaN;
    expect(Math.abs((await value(signingKeyAge)) - 31 * 86_400)).toBeLessThan(60);
    expect(Math.abs((await value(signingKeyDue)) + 86_400)).toBeLessThan(60);
    await measureSigningKeys(identity, { ...rules, periodMs: undefined });
    expect(await value(signingKeyDue)).toBe(Number.POSITIVE_INFINITY);
    await tendSigningKeys(store, rules);
    await measureSigningKeys(identity, rules);
    expect(Math.abs((await value(signingKeyDue)) - 3_600)).toBeLessThan(60);
  });
});

describe('by command', () => {
  it('makes a key that signs after the lead; asked again while it waits, tells of the same', async () => {
    const asked = await Promise.all(Array.from({ length: 5 }, () => rotateSigningKey(store, rules)));
    expect(new Set(asked.map(({ coming }) => coming?.kid)).size).toBe(1);
    expect(await published()).toHaveLength(2);
  });

  it('revoked: all keys end at once and a new one signs; tokens are 401, sessions go on by refresh', async () => {
    const { tokens } = await identity.visitor();
    const coming = await rotateSigningKey(store, rules);
    const before = await published();
    const done = await revokeSigningKeys(store, []);
    expect([...done.retired].sort()).toEqual([...before].sort());
    expect(before).toContain(coming.coming?.kid);
    expect(await published()).toEqual([done.coming?.kid]);
    await reload();
    expect(signer()).toBe(done.coming?.kid);
    expect(codeOf(await me(tokens.accessToken))).toBe('unauthenticated');
    const refreshed = await identity.refresh(tokens.refreshToken);
    expect((await me(String(refreshed.body.accessToken))).status).toBe(200);
    expect(await auditOf(String(before[0]))).toMatchObject([
      ['signing_key.created', {}],
      ['signing_key.retired', { reason: 'compromised' }],
    ]);
  });

  it('revoked: one that does not sign any more ends alone; an unknown one changes nothing', async () => {
    const first = signer();
    await rotateSigningKey(store, { leadMs: 0 });
    const held = await published();
    await expect(revokeSigningKeys(store, [first, 'made-up'])).rejects.toThrow('made-up is no signing key in use');
    expect(await published()).toEqual(held);
    expect(await revokeSigningKeys(store, [first])).toEqual({ coming: null, retired: [first] });
    expect(await published()).toEqual(held.filter((kid) => kid !== first));
    // The one that signs takes a new one's place.
    const done = await revokeSigningKeys(store, held.slice(0, 1));
    expect(await published()).toEqual([done.coming?.kid]);
  });
});
