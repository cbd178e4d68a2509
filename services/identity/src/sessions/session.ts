import type { ProofMethod } from '@florin/auth';

/** When and how a person proved who he is: at the login, or at the newest step-up. */
export interface Proof {
  at: Date;
  by: readonly ProofMethod[];
}

/** Why a session ended before its time. */
export type RevocationReason =
  | 'logout'
  | 'ended_by_user'
  | 'refresh_token_reuse'
  | 'user_disabled'
  | 'role_removed'
  | 'password_reset'
  | 'password_changed'
  | 'email_changed';
