import { hasRole, type UserPrincipal } from '@florin/auth';

/** Operators and auditors may read what is anybody's. */
export function isStaff(user: UserPrincipal): boolean {
  return hasRole(user, 'operator') || hasRole(user, 'auditor');
}

/** Whether the user may read what belongs to `ownerId` (uuid; null for the bank itself). */
export function mayRead(user: UserPrincipal, ownerId: string | null): boolean {
  return isStaff(user) || ownerId === user.userId;
}
