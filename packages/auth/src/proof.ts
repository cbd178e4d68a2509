import { problem } from '@florin/service';
import { isApiKey, type UserPrincipal } from './principal.ts';

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
