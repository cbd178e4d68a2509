import { inTransaction } from '@florin/database';
import { invalidToken } from '../errors.ts';
import { deleteTokens, findTokenOwner, spendToken } from '../one-time-tokens/one-time-token-queries.ts';
import type { Resources } from '../resources.ts';
import { lockUser, markEmailVerified } from './user-queries.ts';

/**
 * Records that a person reads the mails of his address, by the token that one of them brought.
 *
 * @throws ProblemError validation_failed at /token when it is unknown, spent or expired
 */
export async function verifyEmail({ db }: Pick<Resources, 'db'>, token: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    const userId = await findTokenOwner(tx, 'verify_email', token);
    // First the user, as wherever tokens are made or spent, so that none of them waits for another in a circle.
    if (userId === undefined || (await lockUser(tx, userId)) === undefined) throw invalidToken();
    if ((await spendToken(tx, 'verify_email', token)) === undefined) throw invalidToken();
    await markEmailVerified(tx, userId);
    await deleteTokens(tx, 'verify_email', userId);
  });
}
