import { inTransaction } from '@florin/database';
import { formatId } from '@florin/service';
import { recordAudit } from '../audit/record-audit.ts';
import { normalisePassword } from '../passwords/password-policy.ts';
import type { Resources } from '../resources.ts';
import { addUser, newUser } from './register-user.ts';
import { firstAdminName, normaliseEmail } from './user.ts';
import { isEmailTaken } from './user-queries.ts';

/**
 * Creates the admin of the settings unless the email is known. Whoever has it keeps password and roles: settings in an
 * environment must not undo a changed password, nor raise someone who registered with that address first.
 * Processes that start together create one. Returns whether it was this one.
 */
export async function createFirstAdmin(
  { db, passwords }: Pick<Resources, 'db' | 'passwords'>,
  admin: { email: string; password: string },
): Promise<boolean> {
  const email = normaliseEmail(admin.email);
  if (await isEmailTaken(db, email)) return false;
  const hash = await passwords.withTurn((desk) => desk.hash(normalisePassword(admin.password)));
  const now = new Date();
  const user = newUser({ email, name: firstAdminName, roles: ['admin'], emailVerifiedAt: now, createdAt: now });
  return await inTransaction(db, async (tx) => {
    if (!(await addUser(tx, user, hash))) return false;
    const details = { roles: user.roles };
    await recordAudit(tx, { actor: 'system', action: 'user.registered', resource: formatId('usr', user.id), details });
    return true;
  });
}
