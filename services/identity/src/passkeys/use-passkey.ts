import type { Transaction } from '@florin/database';
import type { Resources } from '../resources.ts';
import type { Tables } from '../tables.ts';
import { lockPasskey, storePasskeyUse } from './passkey-queries.ts';
import type { Assertion } from './passkey-schemas.ts';
import { verifyUse } from './verify-passkey.ts';

/** What a use was worth: `copied` is a genuine one whose counter did not go on, so that two authenticators have the key. */
export type UseVerdict = 'right' | 'wrong' | 'copied';

/**
 * Checks the use of a passkey of a locked user and records it: under the lock of the passkey's row, so that its counter
 * never goes back. `challenge` must have been spent.
 */
export async function usePasskey(
  { relyingParty }: Pick<Resources, 'relyingParty'>,
  tx: Transaction<Tables>,
  { userId, assertion, challenge }: { userId: string; assertion: Assertion; challenge: string },
): Promise<UseVerdict> {
  const passkey = await lockPasskey(tx, userId, Buffer.from(assertion.id, 'base64url'));
  const use = passkey && (await verifyUse(relyingParty, passkey, assertion, challenge));
  if (!passkey || !use) return 'wrong';
  // WebAuthn, 6.1.1: authenticators that don't count say 0 for ever.
  const counts = use.counter > 0n || passkey.counter > 0n;
  if (counts && use.counter <= passkey.counter) return 'copied';
  await storePasskeyUse(tx, passkey.id, use);
  return 'right';
}
