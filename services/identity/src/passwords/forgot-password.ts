import { queueResetMail } from '../mail/mail-queries.ts';
import type { Resources } from '../resources.ts';
import { normaliseEmail } from '../users/user.ts';

/**
 * Asks for a mail with which the person can choose a new password. Whether anybody has the address, and whether he may
 * get another mail so soon, is looked up later, away from the request: it takes the same time for everybody.
 */
export async function forgotPassword({ db }: Pick<Resources, 'db'>, email: string): Promise<void> {
  await queueResetMail(db, normaliseEmail(email));
}
