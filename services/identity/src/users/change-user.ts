import type { Role } from '@florin/auth';
import { inTransaction, type Transaction } from '@florin/database';
import { formatId } from '@florin/service';
import { revokeApiKeys } from '../api-keys/revoke-api-keys.ts';
import { recordAudit } from '../audit/record-audit.ts';
import type { Caller } from '../caller.ts';
import { conflict, forbidden, notFound } from '../errors.ts';
import type { Resources } from '../resources.ts';
import { revokeSessions } from '../sessions/revoke-session.ts';
import type { Tables } from '../tables.ts';
import { isStaff, type KycLevel, sortedRoles, type User, type UserStatus } from './user.ts';
import { lockUser, updateUser } from './user-queries.ts';

/** What operators and admins may change of others. */
export interface UserChange {
  roles?: Role[];
  status?: UserStatus;
  kycLevel?: KycLevel;
}

/** Who makes the change. */
export interface Changer extends Caller {
  roles: readonly Role[];
}

/**
 * Says why the change may not be made, as the error to throw, or undefined when it may.
 *
 * Operators enable and disable customers and set their KYC level. Roles, and anything about staff, are for admins, or an operator could lock
 * the admins out. Nobody disables themselves, no admin resigns: a system without admin cannot be repaired through the API.
 */
export function refuseChange(changer: Changer, user: User, change: UserChange): Error | undefined {
  const isAdmin = changer.roles.includes('admin');
  if (change.roles !== undefined && !isAdmin) return forbidden('Only an admin changes roles.');
  if (isStaff(user.roles) && !isAdmin) return forbidden('Only an admin changes a member of the staff.');
  if (user.id !== changer.userId) return undefined;
  if (change.status === 'disabled') return conflict('You cannot disable yourself.');
  if (change.roles !== undefined && !change.roles.includes('admin')) {
    return conflict('You cannot take the admin role from yourself.');
  }
  return undefined;
}

/**
 * Changes roles, status and KYC level. Disabling a user, or taking a role away, ends all their sessions and revokes
 * their API keys in the same transaction: tokens in use still carry what the user may no longer do.
 *
 * @throws ProblemError not_found, forbidden, conflict
 */
export async function changeUser(
  { db }: Pick<Resources, 'db'>,
  changer: Changer,
  userId: string,
  change: UserChange,
): Promise<User> {
  return await inTransaction(db, async (tx) => {
    const user = await lockUser(tx, userId);
    if (user === undefined) throw notFound();
    const refusal = refuseChange(changer, user, change);
    if (refusal !== undefined) throw refusal;
    const changed = await updateUser(tx, userId, {
      ...(change.roles !== undefined && { roles: sortedRoles(change.roles) }),
      ...(change.status !== undefined && { status: change.status }),
      ...(change.kycLevel !== undefined && { kycLevel: change.kycLevel }),
    });
    if (changed === undefined) throw notFound();
    await recordChange(tx, changer, user, changed);
    await endSessionsAfter(tx, changer, user, changed);
    return changed;
  });
}

async function endSessionsAfter(tx: Transaction<Tables>, changer: Changer, before: User, after: User): Promise<void> {
  const losesRole = before.roles.some((role) => !after.roles.includes(role));
  if (after.status !== 'disabled' && !losesRole) return;
  const reason = after.status === 'disabled' ? 'user_disabled' : 'role_removed';
  await revokeSessions(tx, { userId: after.id }, reason);
  await revokeApiKeys(tx, { userId: after.id }, { actor: formatId('usr', changer.userId), ip: changer.ip, reason });
}

async function recordChange(tx: Transaction<Tables>, changer: Changer, before: User, after: User): Promise<void> {
  const changed = (['roles', 'status', 'kycLevel'] as const).filter(
    (field) => String(before[field]) !== String(after[field]),
  );
  if (changed.length === 0) return;
  const only = (user: User) => Object.fromEntries(changed.map((field) => [field, user[field]]));
  await recordAudit(tx, {
    actor: formatId('usr', changer.userId),
    action: 'user.changed',
    resource: formatId('usr', after.id),
    details: { before: only(before), after: only(after) },
    ip: changer.ip,
  });
}
