import type { transactionFailed, transactionPosted } from '@florin/contracts';
import type { Notice } from './notification.ts';

type Posted = ReturnType<typeof transactionPosted.parse>;
type Failed = ReturnType<typeof transactionFailed.parse>;
type Entry = Posted['entries'][number];
type OwnedEntry = Entry & { owner: string };

const isIncoming = (entry: Entry) => !entry.amount.startsWith('-');
const money = ({ amount, currency }: { amount: string; currency: string }) => `${amount.replace(/^-/, '')} ${currency}`;
const lastDigits = (number: string | null) => (number === null ? '' : `ending in ${number.slice(-4)}`);

/**
 * What each owner of an account in the transaction is told, once a person: someone who moves money between accounts of
 * their own gets one notice. The bank's own accounts have no owner and get none.
 */
export function noticesOfPosted(posted: Posted): Notice[] {
  const byOwner = Map.groupBy(
    posted.entries.filter((entry): entry is OwnedEntry => entry.owner !== null),
    (entry) => entry.owner,
  );
  return [...byOwner.values()].flatMap((entries) => {
    const [first] = entries;
    if (first === undefined) return [];
    // A fee is an entry of its own beside the amount, on the account that pays it.
    const isOneAccount = entries.every((entry) => entry.account === first.account);
    const isMain = isOneAccount ? (entry: Entry) => isWhole(posted, entry) : isIncoming;
    const main = entries.find(isMain) ?? first;
    const data = { transaction: posted.transaction.id, account: main.account };
    const title = isOneAccount ? titleOf(posted, main) : `You moved ${money(main)} between your accounts`;
    return [{ user: first.owner, topic: 'transaction.posted', title, body: bodyOf(posted, main), data }];
  });
}

function isWhole({ transaction }: Posted, { amount, currency }: Entry): boolean {
  return currency === transaction.currency && amount.replace(/^-/, '') === transaction.amount;
}

function titleOf({ transaction }: Posted, entry: Entry): string {
  const incoming = isIncoming(entry);
  switch (transaction.type) {
    case 'deposit':
      return `Your deposit of ${money(entry)} has arrived`;
    case 'withdrawal':
      return `Your withdrawal of ${money(entry)} is done`;
    case 'transfer':
      return incoming ? `You received ${money(entry)}` : `You sent ${money(entry)}`;
    case 'reversal':
      return incoming ? `${money(entry)} came back to you` : `${money(entry)} went back to the payer`;
    default:
      return incoming ? `${money(entry)} was credited to you` : `${money(entry)} was debited from you`;
  }
}

function bodyOf({ transaction }: Posted, entry: Entry): string {
  const account = `${isIncoming(entry) ? 'To' : 'From'} your account ${lastDigits(entry.accountNumber)}`.trim();
  return transaction.description === null ? `${account}.` : `${account}: ${transaction.description}`;
}

/** What the owner is told of a pending transaction that came to nothing. */
export function noticeOfFailed({ transaction, failure }: Failed): Notice {
  return {
    user: transaction.owner,
    topic: 'transaction.failed',
    title: `Your ${transaction.type} of ${money(transaction)} failed`,
    body: failure.message,
    data: { transaction: transaction.id, account: transaction.account },
  };
}
