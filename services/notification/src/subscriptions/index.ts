import type { Subscription } from '@florin/messaging';
import type { Tables } from '../tables.ts';
import { onAccountClosed } from './account-closed.ts';
import { onAccountFrozen } from './account-frozen.ts';
import { onAccountOpened } from './account-opened.ts';
import { onAccountUnfrozen } from './account-unfrozen.ts';
import { onHoldCaptured } from './hold-captured.ts';
import { onHoldCreated } from './hold-created.ts';
import { onHoldExpired } from './hold-expired.ts';
import { onHoldVoided } from './hold-voided.ts';
import type { Wake } from './tell.ts';
import { onTransactionFailed } from './transaction-failed.ts';
import { onTransactionPosted } from './transaction-posted.ts';
import { onUserErased } from './user-erased.ts';

/** Every event the service reads. `wake` is called when one of them is to be told by webhooks. */
export function subscriptionsOf(wake: Wake): Subscription<Tables>[] {
  const tellers = [
    ...[onAccountOpened, onAccountFrozen, onAccountUnfrozen, onAccountClosed],
    ...[onTransactionPosted, onTransactionFailed],
    ...[onHoldCreated, onHoldCaptured, onHoldVoided, onHoldExpired],
  ];
  return [...tellers.map((teller) => teller(wake)), onUserErased];
}
