import type { transactionFailed, transactionPosted } from '@florin/contracts';
import type { WebhookDraft, WebhookType } from './webhook-event.ts';

type Posted = ReturnType<typeof transactionPosted.parse>;
type Failed = ReturnType<typeof transactionFailed.parse>;

const settledTypes: Readonly<Record<string, WebhookType>> = {
  deposit: 'deposit.settled',
  withdrawal: 'withdrawal.settled',
};

/** What the owners of a posted transaction's accounts are told, on both sides, each once. */
export function webhooksOfPosted(posted: Posted): WebhookDraft[] {
  const { transaction, entries } = posted;
  const owners = new Set(entries.map(({ owner }) => owner).filter((owner) => owner !== null));
  return [...owners].flatMap((owner) => {
    const data = () => viewFor(posted, owner);
    const drafts: WebhookDraft[] = [{ owner, type: 'transaction.posted', transaction: transaction.id, data }];
    const settled = settledTypes[transaction.type];
    const second = { owner, isSecond: true } as const;
    if (settled) drafts.push({ ...second, type: settled, transaction: transaction.id, data });
    const { reversalOf } = transaction;
    if (reversalOf !== null) {
      drafts.push({
        ...{ ...second, type: 'transaction.reversed', transaction: reversalOf },
        data: () => reversed(posted, reversalOf),
      });
    }
    return drafts;
  });
}

/** The transaction as the API shows it to this person: of the accounts of others without balance and version. */
function viewFor({ transaction, entries }: Posted, viewer: string): object {
  const { reversalOf, createdAt, postedAt, effectiveAt, id, type, amount, currency, from, to, description } =
    transaction;
  return {
    ...{ id, type, status: 'posted', amount, currency, from, to, description },
    entries: entries.map(({ account, owner, amount: moved, balanceAfter, version }) => ({
      ...{ account, amount: moved },
      ...(owner === viewer && { balanceAfter, version }),
    })),
    ...(reversalOf !== null && { reversalOf }),
    ...{ createdAt, postedAt, effectiveAt },
  };
}

function reversed({ transaction: { id, amount, currency, postedAt } }: Posted, original: string): object {
  return { original, reversal: id, amount, currency, postedAt };
}

/** What the owner is told of a pending transaction that came to nothing. */
export function webhookOfFailed({ transaction, failure }: Failed): WebhookDraft {
  const { id, type, amount, currency, account, owner, createdAt } = transaction;
  const { code, message } = failure;
  const data = { id, type, status: 'failed', amount, currency, account, failure: { code, message }, createdAt };
  return { owner, type: 'transaction.failed', transaction: id, data: () => data };
}
