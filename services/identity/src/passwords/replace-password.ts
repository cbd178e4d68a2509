import type { Transaction } from '@florin/database';
import { dropResetMails, queueMail } from '../mail/mail-queries.ts';
import { deleteTokens } from '../one-time-tokens/one-time-token-queries.ts';
import type { Tables } from '../tables.ts';
import { storePasswordHash } from './password-queries.ts';

/**
 * Gives a locked user another password, makes every other way to yet another one worthless, and lets the owner know
 * by mail.
 */
export async function replacePassword(
  tx: Transaction<Tables>,
  user: { id: string; email: string },
  hash: string,
): Promise<void> {
  await storePasswordHash(tx, user.id, hash);
  await deleteTokens(tx, 'reset_password', user.id);
  await dropResetMails(tx, user);
  await queueMail(tx, 'password_changed', user.id);
}
