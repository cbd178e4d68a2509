import { transactionPosted } from '@florin/contracts';
import { newEvent, type SerializedEvent, serialize } from '@florin/database';
import { formatAmount } from '@florin/money';
import { formatId, formatInstant } from '@florin/service';
import type { Context } from '@opentelemetry/api';
import { accountName, ownerName } from '../accounts/public-id.ts';
import type { LedgerAccount, LedgerState, PostedTransaction } from '../engine/command.ts';

/**
 * The event that tells of a posted transaction, written for a Decision. It carries the trace of `trace` on.
 * `afterHolds`: accounts whose holds the same decision changes, as `withHold` leaves them.
 */
export function postedEvent(
  transaction: PostedTransaction,
  state: LedgerState,
  trace: Context,
  afterHolds: readonly LedgerAccount[] = [],
): SerializedEvent {
  const known = (id: string): LedgerAccount => {
    const account = afterHolds.find((item) => item.id === id) ?? state.account(id);
    if (!account) throw new Error(`A transaction names ledger account ${id}, which does not exist`);
    return account;
  };
  const id = formatId('txn', transaction.id);
  const { currency, reversalOf } = transaction;
  const data = {
    transaction: {
      id,
      type: transaction.type,
      amount: formatAmount(transaction.amount, currency),
      currency,
      from: accountName(known(transaction.debitAccountId)),
      to: accountName(known(transaction.creditAccountId)),
      description: transaction.description,
      reversalOf: reversalOf === null ? null : formatId('txn', reversalOf),
      createdAt: formatInstant(transaction.createdAt),
      postedAt: formatInstant(transaction.postedAt),
      effectiveAt: formatInstant(transaction.effectiveAt),
    },
    entries: transaction.entries.map((entry) => {
      const account = known(entry.account);
      return {
        account: accountName(account),
        owner: ownerName(account.ownerId),
        accountNumber: account.accountNumber,
        amount: formatAmount(entry.amount, entry.currency),
        currency: entry.currency,
        balanceAfter: formatAmount(entry.balanceAfter, entry.currency),
        heldAfter: formatAmount(account.held, entry.currency),
        heldVersion: Number(account.heldVersion),
        version: Number(entry.version),
      };
    }),
  };
  const facts = { source: 'florin/transactions', subject: id, time: transaction.postedAt, trace, data };
  return serialize(newEvent(transactionPosted, facts));
}
