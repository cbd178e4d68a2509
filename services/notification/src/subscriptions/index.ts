import { onAccountClosed } from './account-closed.ts';
import { onAccountFrozen } from './account-frozen.ts';
import { onAccountOpened } from './account-opened.ts';
import { onAccountUnfrozen } from './account-unfrozen.ts';
import { onTransactionFailed } from './transaction-failed.ts';
import { onTransactionPosted } from './transaction-posted.ts';
import { onUserErased } from './user-erased.ts';

/** Every event the service reads. */
export const subscriptions = [
  onAccountOpened,
  onAccountFrozen,
  onAccountUnfrozen,
  onAccountClosed,
  onTransactionPosted,
  onTransactionFailed,
  onUserErased,
];
