import { newUuid } from '@florin/service';
import { describe, expect, it } from 'vitest';
import { accountNotice } from './account-notices.ts';
import { notificationId } from './notification.ts';
import { noticeOfFailed, noticesOfPosted } from './transaction-notices.ts';

const ada = 'usr_01h455vb4pex5vsknk084sn02q';
const grace = 'usr_01h455vb4pex5vsknk084sn02r';
const adasAccount = 'acc_01h455vb4pex5vsknk084sn02q';
const gracesAccount = 'acc_01h455vb4pex5vsknk084sn02r';
const at = '2026-11-20T12:00:00.000Z';

function posted(type: string, from: string | null, to: string | null, description: string | null = null) {
  const entry = (owner: string | null, account: string, amount: string) => ({
    account,
    owner,
    accountNumber: owner === null ? null : 'LU289990000000001234',
    amount,
    currency: 'USD',
    balanceAfter: '100.00',
    heldAfter: '0.00',
    version: 1,
  });
  const transaction = {
    id: 'txn_01h455vb4pex5vsknk084sn02q',
    type,
    amount: '12.50',
    currency: 'USD',
    from: from === null ? 'external:sandbox' : adasAccount,
    to: gracesAccount,
    description,
    reversalOf: null,
    createdAt: at,
    postedAt: at,
    effectiveAt: at,
  };
  return { transaction, entries: [entry(from, transaction.from, '-12.50'), entry(to, transaction.to, '12.50')] };
}

const told = (notices: ReturnType<typeof noticesOfPosted>) =>
  notices.map(({ user, title, body }) => [user, title, body]);

describe('what people are told of a posted transaction', () => {
  it('a transfer: the payer what they sent, the payee what they received', () => {
    expect(told(noticesOfPosted(posted('transfer', ada, grace, 'Lunch')))).toEqual([
      [ada, 'You sent 12.50 USD', 'From your account ending in 1234: Lunch'],
      [grace, 'You received 12.50 USD', 'To your account ending in 1234: Lunch'],
    ]);
  });

  it('a transfer between accounts of one person: once', () => {
    expect(told(noticesOfPosted(posted('transfer', ada, ada)))).toEqual([
      [ada, 'You moved 12.50 USD between your accounts', 'To your account ending in 1234.'],
    ]);
  });

  it('a transfer with a fee: the payer of the amount, once', () => {
    const { transaction, entries } = posted('transfer', ada, grace);
    const [sent] = entries;
    if (!sent) throw new Error('A transfer has entries');
    const fee = [
      { ...sent, amount: '-0.25' },
      { ...sent, account: 'fees:USD', owner: null, amount: '0.25' },
    ];
    expect(told(noticesOfPosted({ transaction, entries: [...fee, ...entries] }))).toEqual([
      [ada, 'You sent 12.50 USD', 'From your account ending in 1234.'],
      [grace, 'You received 12.50 USD', 'To your account ending in 1234.'],
    ]);
  });

  it('a deposit: only the customer; the bank has nobody to tell', () => {
    expect(told(noticesOfPosted(posted('deposit', null, grace)))).toEqual([
      [grace, 'Your deposit of 12.50 USD has arrived', 'To your account ending in 1234.'],
    ]);
  });

  it.each([
    ['fee', ada, '12.50 USD was debited from you'],
    ['reversal', ada, '12.50 USD went back to the payer'],
    ['withdrawal', ada, 'Your withdrawal of 12.50 USD is done'],
  ])('a %s', (type, owner, title) => {
    expect(noticesOfPosted(posted(type, owner, null))).toMatchObject([{ user: owner, title }]);
  });

  it('carries the ids for a program, of the side it is about', () => {
    const [sent] = noticesOfPosted(posted('transfer', ada, grace));
    expect(sent).toMatchObject({
      topic: 'transaction.posted',
      data: { transaction: 'txn_01h455vb4pex5vsknk084sn02q', account: adasAccount },
    });
  });
});

describe('what people are told otherwise', () => {
  it('a deposit that failed, with the reason', () => {
    const transaction = { ...posted('deposit', null, grace).transaction, account: gracesAccount, owner: grace };
    const failure = { code: 'card_declined', message: 'The card was declined.' };
    expect(noticeOfFailed({ transaction, failure })).toMatchObject({
      user: grace,
      title: 'Your deposit of 12.50 USD failed',
      body: 'The card was declined.',
    });
  });

  it('an account that was frozen, without the reason of the operator', () => {
    const account = {
      id: adasAccount,
      owner: ada,
      name: 'Daily',
      type: 'checking' as const,
      currency: 'USD',
      accountNumber: 'LU289990000000001234',
      status: 'frozen' as const,
      version: 2,
    };
    const notice = accountNotice('account.frozen', account);
    expect(notice).toMatchObject({ user: ada, title: 'Your account Daily is frozen', data: { account: adasAccount } });
    expect(accountNotice('account.closed', account).title).toBe('Your account Daily is closed');
  });
});

describe('notificationId', () => {
  const [event, laterEvent, user, other] = [newUuid(), newUuid(), newUuid(), newUuid()];

  it('is a UUIDv7 in the order of events, the same for the same event and person, and for no others', () => {
    const id = notificationId(event, user);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(notificationId(event, user)).toBe(id);
    expect(new Set([id, event, notificationId(event, other), notificationId(laterEvent, user)]).size).toBe(4);
    expect(notificationId(laterEvent, user) > id).toBe(true);
    expect(notificationId(laterEvent, other) > id).toBe(true);
  });
});
