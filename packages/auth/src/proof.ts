import { problem } from '@florin/service';
import Type from 'typebox';
import { isApiKey, type UserPrincipal } from './principal.ts';

/** For how many seconds a proof is recent, unless the environment says otherwise. */
export const defaultProofSeconds = 600;

/** The setting of a process that asks for a recent proof; `description` says what it is asked for. */
export function proofSettings(description: string) {
  const range = { default: defaultProofSeconds, minimum: 30, maximum: 86_400 };
  return { STEP_UP_SECONDS: Type.Integer({ ...range, description }) };
}

/**
 * Throws step_up_required (403) unless the user proved who he is in this session in the last `withinSeconds`: by logging
 * in, or by a step-up. An API key never did, and cannot.
 */
export function requireRecentProof(user: UserPrincipal, withinSeconds: number): void {
  if (isRecentlyProven(user, withinSeconds)) return;
  throw problem('step_up_required', 'Prove again who you are (POST /v1/auth/step-up), then repeat the request.');
}

/** Whether `requireRecentProof` lets the user pass. */
export function isRecentlyProven(user: UserPrincipal, withinSeconds: number): boolean {
  return !isApiKey(user) && user.provenAt !== undefined && Date.now() / 1000 - user.provenAt <= withinSeconds;
}
