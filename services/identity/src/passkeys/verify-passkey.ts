import { verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server';
import { COSEALG, decodeAttestationObject, decodeClientDataJSON, isoBase64URL } from '@simplewebauthn/server/helpers';
import type { StoredPasskey } from './passkey.ts';
import type { Assertion, Registration } from './passkey-schemas.ts';
import type { RelyingParty } from './relying-party.ts';

/** Kinds of keys that passkeys may have, the best first; every authenticator has one of them. */
export const keyAlgorithms: number[] = [COSEALG.EdDSA, COSEALG.ES256, COSEALG.RS256];

/** What a registration proves. */
export interface VerifiedRegistration {
  credentialId: Buffer;
  publicKey: Buffer;
  counter: bigint;
  backedUp: boolean;
}

/** What a use proves. */
export interface VerifiedUse {
  counter: bigint;
  backedUp: boolean;
}

/**
 * The challenge that a client says its authenticator has answered; undefined where it says none, or that another site's
 * page asked. Nothing of it is proven.
 */
export function claimedChallenge(clientDataJSON: string): string | undefined {
  try {
    const { challenge, crossOrigin } = decodeClientDataJSON(clientDataJSON);
    return typeof challenge === 'string' && crossOrigin !== true ? challenge : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Checks a new passkey: made for us, on one of our origins, by a verified person, as the answer to `challenge`, which
 * must have been spent. Undefined for anything else.
 */
export async function verifyRegistration(
  party: RelyingParty,
  { id, rawId, type, response }: Registration,
  challenge: string,
): Promise<VerifiedRegistration | undefined> {
  const { clientDataJSON, attestationObject } = response;
  try {
    if (!isSelfContained(attestationObject)) return undefined;
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      response: { id, rawId, type, response: { clientDataJSON, attestationObject }, clientExtensionResults: {} },
      expectedChallenge: challenge,
      expectedOrigin: [...party.origins],
      expectedRPID: party.id,
      requireUserVerification: true,
      supportedAlgorithmIDs: keyAlgorithms,
    });
    if (!verified || registrationInfo.credential.id !== id) return undefined;
    const { credential, credentialBackedUp } = registrationInfo;
    return {
      credentialId: Buffer.from(credential.id, 'base64url'),
      publicKey: Buffer.from(credential.publicKey),
      counter: BigInt(credential.counter),
      backedUp: credentialBackedUp,
    };
  } catch {
    return undefined;
  }
}

/**
 * Checks the use of a passkey, as `verifyRegistration` checks a new one. Whether its counter went on is for the caller to
 * judge: only here it is known to be the authenticator's own.
 */
export async function verifyUse(
  party: RelyingParty,
  passkey: Pick<StoredPasskey, 'publicKey' | 'userHandle'>,
  { id, rawId, type, response }: Assertion,
  challenge: string,
): Promise<VerifiedUse | undefined> {
  const { clientDataJSON, authenticatorData, signature, userHandle } = response;
  if (typeof userHandle === 'string' && userHandle !== passkey.userHandle.toString('base64url')) return undefined;
  try {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: {
        id,
        rawId,
        type,
        response: { clientDataJSON, authenticatorData, signature },
        clientExtensionResults: {},
      },
      expectedChallenge: challenge,
      expectedOrigin: [...party.origins],
      expectedRPID: party.id,
      requireUserVerification: true,
      // 0 switches the library's own rule off, which looks at the counter before the signature.
      credential: { id, publicKey: new Uint8Array(passkey.publicKey), counter: 0 },
    });
    if (!verified) return undefined;
    return { counter: BigInt(authenticationInfo.newCounter), backedUp: authenticationInfo.credentialBackedUp };
  } catch {
    return undefined;
  }
}

/**
 * Whether nothing outside the message is needed to check it: no attestation, or one by the new key itself. We ask for
 * none; certificates in one would have the library fetch what they name, wherever that is.
 */
function isSelfContained(attestationObject: string): boolean {
  const decoded = decodeAttestationObject(isoBase64URL.toBuffer(attestationObject));
  const format = decoded.get('fmt');
  return format === 'none' || (format === 'packed' && decoded.get('attStmt').get('x5c') === undefined);
}
