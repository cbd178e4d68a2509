import { accountClosed } from './events/account-closed.v1.ts';
import { accountFrozen } from './events/account-frozen.v1.ts';
import { accountLimitsChanged } from './events/account-limits-changed.v1.ts';
import { accountOpened } from './events/account-opened.v1.ts';
import { accountUnfrozen } from './events/account-unfrozen.v1.ts';
import { holdCaptured } from './events/hold-captured.v1.ts';
import { holdCreated } from './events/hold-created.v1.ts';
import { holdExpired } from './events/hold-expired.v1.ts';
import { holdVoided } from './events/hold-voided.v1.ts';
import { ledgerAccountOpened } from './events/ledger-account-opened.v1.ts';
import { transactionFailed } from './events/transaction-failed.v1.ts';
import { transactionPosted } from './events/transaction-posted.v1.ts';
import { userErased } from './events/user-erased.v1.ts';

const holdEvents = [holdCreated.type, holdCaptured.type, holdVoided.type, holdExpired.type] as const;
const accountEvents = [accountOpened.type, accountFrozen.type, accountUnfrozen.type, accountClosed.type] as const;

/**
 * Who reads what: each durable queue, named `<reading service>.<purpose>`, with the event types that go into it.
 * Every process declares them all, so that no event is lost because its reader has never run yet.
 */
export const queues = {
  'transactions.accounts': [...accountEvents, accountLimitsChanged.type],
  'accounts.ledger': [ledgerAccountOpened.type, transactionPosted.type, ...holdEvents],
  'notification.inbox': [
    ...accountEvents,
    ...holdEvents,
    transactionPosted.type,
    transactionFailed.type,
    userErased.type,
  ],
  'accounts.users': [userErased.type],
  'transactions.users': [userErased.type],
} as const satisfies Record<string, readonly string[]>;

/** A durable queue of the table above. */
export type QueueName = keyof typeof queues;
