import { parseId } from '@florin/service';
import { type SoftwareAuthenticator, softwareAuthenticator, type Tampering } from '@florin/testing/authenticator';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addPasskey, auditOf, optionsFrom, origin, passkeyVisitor, staleToken } from '../testing/passkeys.ts';
import { codeAt, guardedVisitor, logInWith } from '../testing/second-factor.ts';
import { type Answer, codeOf, startIdentity, type TestIdentity } from '../testing/test-identity.ts';

let identity: TestIdentity;
let authenticator: SoftwareAuthenticator;
beforeAll(async () => {
  identity = await startIdentity();
  authenticator = softwareAuthenticator({ origin });
});
afterAll(() => identity.close());

const url = '/v1/me/passkeys';
const list = async (token: string) => (await identity.call('GET', url, { token })).body.data as { id: string }[];
const remove = (token: string, id: unknown): Promise<Answer> => identity.call('DELETE', `${url}/${id}`, { token });

async function mailsOf(id: string): Promise<string[]> {
  const rows = await identity.db
    .selectFrom('mails')
    .select('kind')
    .where('user_id', '=', parseId('usr', id) ?? '')
    .orderBy('id')
    .execute();
  return rows.map(({ kind }) => kind);
}

describe('POST /v1/me/passkeys/options', () => {
  it('200 what a browser needs: our domain, a random handle, no attestation, verification and a discoverable key', async () => {
    const { email, id, tokens } = await identity.visitor();
    const { body } = await identity.call('POST', `${url}/options`, { token: tokens.accessToken });
    expect(body).toMatchObject({
      rp: { id: 'florin.test', name: 'Florin' },
      user: { name: email, displayName: 'A Visitor' },
      attestation: 'none',
      authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
      pubKeyCredParams: [-8, -7, -257].map((alg) => ({ type: 'public-key', alg })),
      timeout: 300_000,
      excludeCredentials: [],
    });
    expect(body.challenge).toMatch(/^[\w-]{43}$/);
    const handle = (body.user as { id: string }).id;
    expect(handle).toMatch(/^[\w-]{43}$/);
    expect(Buffer.from(handle, 'base64url').toString('latin1')).not.toContain(parseId('usr', id));
    const again = await optionsFrom(identity, `${url}/options`, tokens.accessToken);
    expect(again.user.id).toBe(handle);
    expect(again.challenge).not.toBe(body.challenge);
  });

  it('403 step_up_required where the login is not recent; 401 without a token', async () => {
    const token = await staleToken(identity, await identity.visitor());
    expect(await identity.call('POST', `${url}/options`, { token })).toMatchObject({
      status: 403,
      body: { code: 'step_up_required' },
    });
    expect((await identity.call('POST', `${url}/options`)).status).toBe(401);
  });

  it('409 conflict for one more than twenty', async () => {
    const { id, tokens } = await identity.visitor();
    await sql`insert into passkeys (id, user_id, name, credential_id, public_key, counter, transports, backed_up)
      select gen_random_uuid(), ${parseId('usr', id)}, 'many', decode(md5(random()::text), 'hex'), '', 0, '{}', false
      from generate_series(1, 20)`.execute(identity.db);
    expect(codeOf(await identity.call('POST', `${url}/options`, { token: tokens.accessToken }))).toBe('conflict');
  });
});

describe('POST /v1/me/passkeys', () => {
  it('201 with recovery codes for the first factor; listed, told by mail and in the audit log', async () => {
    const visitor = await identity.visitor();
    const token = visitor.tokens.accessToken;
    const added = await addPasskey(identity, token, authenticator);
    expect(added.status).toBe(201);
    const { recoveryCodes, ...passkey } = added.body;
    expect(passkey).toEqual({
      id: expect.stringMatching(/^pky_/),
      name: 'My phone',
      backedUp: false,
      createdAt: expect.any(String),
      lastUsedAt: null,
    });
    expect(new Set(recoveryCodes as string[]).size).toBe(10);
    const second = await addPasskey(identity, token, authenticator);
    expect(second.body).not.toHaveProperty('recoveryCodes');
    expect((await list(token)).map(({ id }) => id)).toEqual([second.body.id, passkey.id]);
    const options = await optionsFrom(identity, `${url}/options`, token);
    expect((options as unknown as { excludeCredentials: unknown[] }).excludeCredentials).toHaveLength(2);
    expect(await mailsOf(visitor.id)).toEqual(['verify_email', 'passkey_added', 'passkey_added']);
    const log = await auditOf(identity, visitor.id);
    expect(log.at(-1)).toMatchObject({ action: 'passkey.added', details: { passkey: second.body.id } });
  });

  it('a self attestation is as good as none', async () => {
    const { tokens } = await identity.visitor();
    const added = await addPasskey(identity, tokens.accessToken, authenticator, { attestation: 'self' });
    expect(added.status).toBe(201);
  });

  it.each<[string, Tampering]>([
    ['of another origin', { origin: 'https://florin.test.evil.example' }],
    ['of our origin without TLS', { origin: 'http://app.florin.test' }],
    ['made for another domain', { rpId: 'evil.example' }],
    ['without verification of its user', { userVerified: false }],
    ['of a page of another site', { crossOrigin: true }],
    ['that is the use of one', { type: 'webauthn.get' }],
    ['for a challenge that nobody made', { challenge: 'A'.repeat(43) }],
    ['with a certificate, which would have us fetch what it names', { attestation: 'certificate' }],
  ])('400 validation_failed at /credential: one %s', async (_name, tampering) => {
    const { tokens } = await identity.visitor();
    const answer = await addPasskey(identity, tokens.accessToken, authenticator, tampering);
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer: '/credential' }] } });
    expect(await list(tokens.accessToken)).toEqual([]);
  });

  it('400 for a challenge that was used, of another session, of a login, or too old; a wrong answer spends it too', async () => {
    const visitor = await identity.visitor();
    const token = visitor.tokens.accessToken;
    const add = (by: string, credential: unknown) =>
      identity.call('POST', url, { token: by, body: { name: 'x', credential } });
    const options = () => optionsFrom(identity, `${url}/options`, token);

    const used = await options();
    expect((await add(token, authenticator.create(used))).status).toBe(201);
    expect((await add(token, authenticator.create(used))).status).toBe(400);

    const own = await options();
    const other = await identity.visitor();
    const wrong = authenticator.create(own, { origin: 'https://evil.example' });
    expect((await add(other.tokens.accessToken, authenticator.create(own))).status).toBe(400);
    expect((await add(token, wrong)).status).toBe(400);
    expect((await add(token, authenticator.create(own))).status).toBe(400);

    const { challenge } = await optionsFrom(identity, '/v1/auth/passkey/options');
    expect((await add(token, authenticator.create(await options(), { challenge }))).status).toBe(400);

    const late = await options();
    await sql`update passkey_challenges set expires_at = now() - interval '1 second'`.execute(identity.db);
    expect((await add(token, authenticator.create(late))).status).toBe(400);
  });

  it('409 conflict for a credential that somebody has', async () => {
    const [one, other] = [await identity.visitor(), await identity.visitor()];
    const credentialId = 'c'.repeat(43);
    expect((await addPasskey(identity, one.tokens.accessToken, authenticator, { credentialId })).status).toBe(201);
    const answer = await addPasskey(identity, other.tokens.accessToken, authenticator, { credentialId });
    expect(codeOf(answer)).toBe('conflict');
    expect(await list(other.tokens.accessToken)).toEqual([]);
  });

  it('the same again, recovery codes included, for a repeat with its Idempotency-Key; kept encrypted', async () => {
    const { tokens } = await identity.visitor();
    const token = tokens.accessToken;
    const credential = authenticator.create(await optionsFrom(identity, `${url}/options`, token));
    const send = () =>
      identity.call('POST', url, {
        token,
        body: { name: 'x', credential },
        headers: { 'idempotency-key': 'passkey-1' },
      });
    const [first, again] = [await send(), await send()];
    expect([again.status, again.text, again.headers['idempotent-replayed']]).toEqual([201, first.text, 'true']);
    const { rows } = await sql<{ body: string }>`select body from idempotency_keys where key = 'passkey-1'`.execute(
      identity.db,
    );
    for (const code of first.body.recoveryCodes as string[]) expect(rows[0]?.body).not.toContain(code);
  });

  it.each<[string, unknown]>([
    ['nothing', {}],
    ['no credential', { name: 'x', credential: {} }],
    ['unknown fields', { name: 'x', credential: {}, extra: 1 }],
    ['an empty name', { name: '', credential: {} }],
  ])('400 for %s', async (_name, body) => {
    const { tokens } = await identity.visitor();
    expect((await identity.call('POST', url, { token: tokens.accessToken, body })).status).toBe(400);
  });

  it.each(['clientDataJSON', 'attestationObject'])('400, not 500, for any bytes as %s', async (field) => {
    const { tokens } = await identity.visitor();
    const token = tokens.accessToken;
    for (const bytes of ['AA', 'gYGB'.repeat(2_000), Buffer.from('null').toString('base64url'), '_'.repeat(50)]) {
      const credential = authenticator.create(await optionsFrom(identity, `${url}/options`, token));
      const body = { name: 'x', credential: { ...credential, response: { ...credential.response, [field]: bytes } } };
      expect((await identity.call('POST', url, { token, body })).status).toBe(400);
    }
  });
});

describe('DELETE /v1/me/passkeys/{id}', () => {
  it('204 with the last second factor go the recovery codes, and the password is enough again', async () => {
    const visitor = await passkeyVisitor(identity);
    const token = visitor.tokens.accessToken;
    expect(codeOf(await identity.logIn(visitor.email))).toBe('mfa_required');
    expect((await remove(token, visitor.passkeyId)).status).toBe(204);
    expect((await identity.logIn(visitor.email)).status).toBe(200);
    expect((await remove(token, visitor.passkeyId)).status).toBe(404);
    const userId = parseId('usr', visitor.id) ?? '';
    const codes = identity.db.selectFrom('recovery_codes').selectAll().where('user_id', '=', userId);
    expect(await codes.execute()).toEqual([]);
    expect(await mailsOf(visitor.id)).toEqual(['verify_email', 'passkey_added', 'passkey_removed']);
    expect((await auditOf(identity, visitor.id)).map(({ action }) => action)).toContain('passkey.removed');
  });

  it('403 step_up_required where the login is not recent; 404 for another’s', async () => {
    const visitor = await passkeyVisitor(identity);
    const other = await identity.visitor();
    expect((await remove(other.tokens.accessToken, visitor.passkeyId)).status).toBe(404);
    const token = await staleToken(identity, visitor);
    expect(codeOf(await remove(token, visitor.passkeyId))).toBe('step_up_required');
    expect(await list(token)).toHaveLength(1);
  });
});

describe('beside an authenticator app', () => {
  it('either one can go: the other stays a second factor, with the recovery codes of the app', async () => {
    const visitor = await guardedVisitor(identity);
    const token = visitor.tokens.accessToken;
    const added = await addPasskey(identity, token, authenticator);
    expect(added.body).not.toHaveProperty('recoveryCodes');
    const asked = await identity.logIn(visitor.email);
    expect(asked.body).toMatchObject({ code: 'mfa_required', methods: ['totp', 'passkey', 'recovery_code'] });
    const off = await identity.call('DELETE', '/v1/me/mfa/totp', { token, body: { otp: codeAt(visitor.secret) } });
    expect(off.status).toBe(204);
    const left = await identity.logIn(visitor.email);
    expect(left.body).toMatchObject({ code: 'mfa_required', methods: ['passkey', 'recovery_code'] });
    expect((await logInWith(identity, visitor.email, visitor.recoveryCodes[0] ?? '')).status).toBe(200);
    expect(codeOf(await logInWith(identity, visitor.email, '123456'))).toBe('mfa_invalid');
    const again = await identity.call('DELETE', '/v1/me/mfa/totp', { token, body: { otp: visitor.recoveryCodes[1] } });
    expect(again.status).toBe(404);
    expect((await remove(token, added.body.id)).status).toBe(204);
    expect((await identity.logIn(visitor.email)).status).toBe(200);
  });
});
