/** Why a session ended before its time. */
export type RevocationReason =
  | 'logout'
  | 'ended_by_user'
  | 'refresh_token_reuse'
  | 'user_disabled'
  | 'role_removed'
  | 'password_reset'
  | 'password_changed';
