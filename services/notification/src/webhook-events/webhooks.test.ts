import { readFileSync } from 'node:fs';
import { accountFrozen, type CloudEvent, holdCaptured, transactionFailed, transactionPosted } from '@florin/contracts';
import { newUuid } from '@florin/service';
import { describe, expect, it } from 'vitest';
import { accountWebhook } from './account-webhooks.ts';
import { holdWebhook } from './hold-webhooks.ts';
import { webhookOfFailed, webhooksOfPosted } from './transaction-webhooks.ts';
import { isSubscribed, type WebhookDraft, webhookBody, webhookEventId } from './webhook-event.ts';

const fixture = (type: string): unknown => {
  const file = new URL(`../../../../packages/contracts/fixtures/${type}.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as CloudEvent).data;
};

const ada = 'usr_01h455vb4pex5vsknk084sn02q';
const grace = 'usr_01h455vb4pex5vsknk084sn02r';
const at = '2026-11-20T12:00:00.000Z';
const txn = (last: string) => `txn_01h455vb4pex5vsknk084sn02${last}`;
const acc = (last: string) => `acc_01h455vb4pex5vsknk084sn02${last}`;

function posted(type: string, owners: [string | null, string | null], reversalOf: string | null = null) {
  const entry = (owner: string | null, account: string, amount: string, version: number) => ({
    ...{ account, owner, accountNumber: owner && 'LU289990000000001234', amount, currency: 'USD' },
    ...{ balanceAfter: '100.00', heldAfter: '0.00', version },
  });
  const [from, to] = [
    owners[0] === null ? 'external:sandbox' : acc('q'),
    owners[1] === null ? 'external:sandbox' : acc('r'),
  ];
  return {
    transaction: {
      ...{ id: txn('q'), type, amount: '12.50', currency: 'USD', from, to, description: 'Lunch', reversalOf },
      ...{ createdAt: at, postedAt: at, effectiveAt: at },
    },
    entries: [entry(owners[0], from, '-12.50', 3), entry(owners[1], to, '12.50', 9)],
  };
}

const told = (drafts: WebhookDraft[]) => drafts.map(({ owner, type, isSecond = false }) => [owner, type, isSecond]);

describe('webhooks of a posted transaction', () => {
  it('a transfer: both sides, each with balance and version of their own account alone', () => {
    const drafts = webhooksOfPosted(posted('transfer', [ada, grace]));
    expect(told(drafts)).toEqual([
      [ada, 'transaction.posted', false],
      [grace, 'transaction.posted', false],
    ]);
    const common = {
      ...{ id: txn('q'), type: 'transfer', status: 'posted', amount: '12.50', currency: 'USD' },
      ...{ from: acc('q'), to: acc('r'), description: 'Lunch', createdAt: at, postedAt: at, effectiveAt: at },
    };
    const own = { balanceAfter: '100.00' };
    expect(drafts[0]?.data()).toEqual({
      ...common,
      entries: [
        { account: acc('q'), amount: '-12.50', ...own, version: 3 },
        { account: acc('r'), amount: '12.50' },
      ],
    });
    expect(drafts[1]?.data()).toEqual({
      ...common,
      entries: [
        { account: acc('q'), amount: '-12.50' },
        { account: acc('r'), amount: '12.50', ...own, version: 9 },
      ],
    });
    expect(JSON.stringify(drafts.map((draft) => draft.data()))).not.toMatch(/usr_|owner|held/);
  });

  it('between accounts of one person: once, with both', () => {
    const drafts = webhooksOfPosted(posted('transfer', [ada, ada]));
    expect(told(drafts)).toEqual([[ada, 'transaction.posted', false]]);
    expect(drafts[0]?.data()).toMatchObject({ entries: [{ version: 3 }, { version: 9 }] });
  });

  it.each([
    ['deposit', [null, grace], grace],
    ['withdrawal', [ada, null], ada],
  ] as const)('a %s: posted and settled, to the customer', (type, owners, customer) => {
    const drafts = webhooksOfPosted(posted(type, [...owners]));
    expect(told(drafts)).toEqual([
      [customer, 'transaction.posted', false],
      [customer, `${type}.settled`, true],
    ]);
    expect(drafts[1]?.data()).toEqual(drafts[0]?.data());
  });

  it('a reversal: posted as itself, and of the original that it is reversed', () => {
    const drafts = webhooksOfPosted(posted('reversal', [grace, ada], txn('r')));
    expect(told(drafts)).toEqual([
      [grace, 'transaction.posted', false],
      [grace, 'transaction.reversed', true],
      [ada, 'transaction.posted', false],
      [ada, 'transaction.reversed', true],
    ]);
    expect(drafts[0]?.data()).toMatchObject({ id: txn('q'), type: 'reversal', reversalOf: txn('r') });
    expect(drafts[1]?.data()).toEqual({
      ...{ original: txn('r'), reversal: txn('q'), amount: '12.50', currency: 'USD', postedAt: at },
    });
    expect(drafts.map(({ transaction }) => transaction)).toEqual([txn('q'), txn('r'), txn('q'), txn('r')]);
  });

  it('a real message of the ledger is read', () => {
    const drafts = webhooksOfPosted(transactionPosted.parse(fixture(transactionPosted.type)));
    expect(drafts.length).toBeGreaterThan(0);
    expect(drafts[0]?.data()).toMatchObject({ status: 'posted', entries: [{}, {}] });
  });
});

describe('other webhooks, of real messages', () => {
  it('a transaction that failed, with the reason', () => {
    const draft = webhookOfFailed(transactionFailed.parse(fixture(transactionFailed.type)));
    expect(draft.data()).toMatchObject({ status: 'failed', failure: { code: expect.any(String) } });
    expect(draft.transaction).toMatch(/^txn_/);
  });

  it('an account that was frozen, without the reason of the operator', () => {
    const { account, reason } = accountFrozen.parse(fixture(accountFrozen.type));
    const draft = accountWebhook('account.frozen', account);
    expect(draft.data()).toMatchObject({ id: account.id, status: 'frozen', accountNumber: account.accountNumber });
    expect(JSON.stringify(draft.data())).not.toContain(reason);
  });

  it('a hold, to the owner of the account', () => {
    const change = holdCaptured.parse(fixture(holdCaptured.type));
    const draft = holdWebhook('hold.captured', change);
    expect(draft.owner).toBe(change.hold.owner);
    expect(draft.data()).toMatchObject({ id: change.hold.id, status: 'captured', captured: '1.50', amount: '2.00' });
    expect(JSON.stringify(draft.data())).not.toMatch(/available|owner|heldAfter/);
  });
});

describe('a webhook', () => {
  it('has the id of its event; the second of an event one that follows from it, in the same order', () => {
    const [event, later] = [newUuid(), newUuid()];
    expect(webhookEventId(event, 'transaction.posted', false)).toBe(event);
    const second = webhookEventId(event, 'deposit.settled', true);
    expect(second).toBe(webhookEventId(event, 'deposit.settled', true));
    expect(second).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
    const others = [
      event,
      webhookEventId(event, 'transaction.reversed', true),
      webhookEventId(later, 'deposit.settled', true),
    ];
    expect(new Set([second, ...others]).size).toBe(4);
    expect(second < later).toBe(true);
  });

  it('says type, timestamp and data, in this order', () => {
    expect(webhookBody('hold.created', at, { id: 1 })).toBe(
      `{"type":"hold.created","timestamp":"${at}","data":{"id":1}}`,
    );
  });

  it('goes to who subscribes to its type, or to all; a test to nobody', () => {
    expect(isSubscribed(['hold.created'], 'hold.created')).toBe(true);
    expect(isSubscribed(['hold.created'], 'hold.voided')).toBe(false);
    expect(isSubscribed(['*'], 'hold.voided')).toBe(true);
    expect(isSubscribed(['*'], 'webhook.test')).toBe(false);
  });
});
