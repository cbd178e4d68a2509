import { inTransaction } from '@florin/database';
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
} from '@simplewebauthn/server';
import { conflict, notFound } from '../errors.ts';
import type { Resources } from '../resources.ts';
import { lockUser } from '../users/user-queries.ts';
import { challengeLifeMs } from './challenge.ts';
import { issueChallenge } from './challenge-queries.ts';
import { mostPasskeys } from './passkey.ts';
import { type Credential, ensureUserHandle, listCredentials } from './passkey-queries.ts';
import { keyAlgorithms } from './verify-passkey.ts';

type PasskeyResources = Pick<Resources, 'db' | 'relyingParty'>;

/** The session that asks. Both uuids. */
export interface AskingSession {
  userId: string;
  sessionId: string;
}

/**
 * What the caller's browser needs to make a passkey: one that its authenticator finds without being told whose it is, and
 * lets nobody use but the person.
 *
 * @throws ProblemError conflict when the user has as many as one can have
 */
export async function registrationOptions(
  { db, relyingParty }: PasskeyResources,
  { userId, sessionId }: AskingSession,
): Promise<PublicKeyCredentialCreationOptionsJSON> {
  return await inTransaction(db, async (tx) => {
    const user = await lockUser(tx, userId);
    if (user === undefined) throw notFound();
    const known = await listCredentials(tx, userId);
    if (known.length >= mostPasskeys) throw tooMany();
    return await generateRegistrationOptions({
      rpName: relyingParty.name,
      rpID: relyingParty.id,
      userID: new Uint8Array(await ensureUserHandle(tx, userId)),
      userName: user.email,
      userDisplayName: user.name,
      challenge: await issueChallenge(tx, { purpose: 'register', sessionId }),
      timeout: challengeLifeMs,
      attestationType: 'none',
      excludeCredentials: known.map(descriptor),
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      supportedAlgorithmIDs: keyAlgorithms,
    });
  });
}

/** What anybody's browser needs to log in with a passkey. It names none: the same for everyone. */
export async function loginOptions({
  db,
  relyingParty,
}: PasskeyResources): Promise<PublicKeyCredentialRequestOptionsJSON> {
  const challenge = await issueChallenge(db, { purpose: 'log_in' });
  return await generateAuthenticationOptions({ ...requestOf(relyingParty.id), challenge });
}

/** What the caller's browser needs to step up with one of the caller's passkeys. */
export async function stepUpOptions(
  { db, relyingParty }: PasskeyResources,
  { userId, sessionId }: AskingSession,
): Promise<PublicKeyCredentialRequestOptionsJSON> {
  const challenge = await issueChallenge(db, { purpose: 'step_up', sessionId });
  const allowCredentials = (await listCredentials(db, userId)).map(descriptor);
  return await generateAuthenticationOptions({ ...requestOf(relyingParty.id), challenge, allowCredentials });
}

/** The no to one passkey more. */
export function tooMany() {
  return conflict(`You have ${mostPasskeys} passkeys: remove one first.`);
}

function requestOf(rpID: string) {
  return { rpID, timeout: challengeLifeMs, userVerification: 'required' as const };
}

function descriptor({ credentialId, transports }: Credential) {
  return { id: credentialId.toString('base64url'), transports };
}
