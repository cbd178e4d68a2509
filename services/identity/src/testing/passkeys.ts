import { parseId } from '@florin/service';
import { type SoftwareAuthenticator, softwareAuthenticator, type Tampering } from '@florin/testing/authenticator';
import { sql } from 'kysely';
import { type Answer, type TestIdentity, tokensOf, type Visitor } from './test-identity.ts';

export const origin = 'https://app.florin.test';

/** A visitor with a passkey. */
export interface PasskeyVisitor extends Visitor {
  authenticator: SoftwareAuthenticator;
  passkeyId: string;
  recoveryCodes: string[];
}

type Options = Parameters<SoftwareAuthenticator['create']>[0] & Parameters<SoftwareAuthenticator['use']>[0];

/** Asks for options of one kind. */
export async function optionsFrom(identity: TestIdentity, url: string, token?: string): Promise<Options> {
  const answer = await identity.call('POST', url, { token });
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body as unknown as Options;
}

/** Makes a passkey and adds it, as a browser would. */
export async function addPasskey(
  identity: TestIdentity,
  token: string,
  authenticator: SoftwareAuthenticator,
  tampering: Tampering = {},
): Promise<Answer> {
  const options = await optionsFrom(identity, '/v1/me/passkeys/options', token);
  const body = { name: 'My phone', credential: authenticator.create(options, tampering) };
  return await identity.call('POST', '/v1/me/passkeys', { token, body });
}

/** Logs in with the newest passkey of the authenticator. */
export async function passkeyLogin(
  identity: TestIdentity,
  authenticator: SoftwareAuthenticator,
  tampering: Tampering = {},
): Promise<Answer> {
  const options = await optionsFrom(identity, '/v1/auth/passkey/options');
  const credential = authenticator.use(options, tampering);
  return await identity.call('POST', '/v1/auth/passkey', { body: { credential } });
}

/** Steps up with the newest passkey of the authenticator. */
export async function passkeyStepUp(
  identity: TestIdentity,
  token: string,
  authenticator: SoftwareAuthenticator,
  tampering: Tampering = {},
): Promise<Answer> {
  const options = await optionsFrom(identity, '/v1/auth/step-up/options', token);
  const passkey = authenticator.use(options, tampering);
  return await identity.call('POST', '/v1/auth/step-up', { token, body: { passkey } });
}

/** Registers someone with a passkey and no other second factor. */
export async function passkeyVisitor(identity: TestIdentity, counts = false): Promise<PasskeyVisitor> {
  const visitor = await identity.visitor();
  const authenticator = softwareAuthenticator({ origin, counts });
  const added = await addPasskey(identity, visitor.tokens.accessToken, authenticator);
  if (added.status !== 201) throw new Error(added.text);
  const { id, recoveryCodes } = added.body as { id: string; recoveryCodes: string[] };
  return { ...visitor, authenticator, passkeyId: id, recoveryCodes };
}

/** As if the visitor had logged in an hour ago: an access token of today whose proof is as old. */
export async function staleToken(identity: TestIdentity, { id, tokens }: Visitor): Promise<string> {
  await identity.db
    .updateTable('sessions')
    .set({ proven_at: sql<Date>`now() - interval '1 hour'` })
    .where('user_id', '=', parseId('usr', id) ?? '')
    .execute();
  return tokensOf(await identity.refresh(tokens.refreshToken)).accessToken;
}

/** What the audit log will say of somebody, the oldest first. */
export async function auditOf(
  identity: TestIdentity,
  resource: string,
): Promise<{ action: string; details: object }[]> {
  return await identity.db
    .selectFrom('audit_pending')
    .select(['action', 'details'])
    .where('resource', '=', resource)
    .orderBy('position')
    .execute();
}
