import { transactionPosted } from '@florin/contracts';
import { MAX_MINOR_UNITS } from '@florin/money';
import { formatId, parseId } from '@florin/service';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { describe, expect, test } from 'vitest';
import type { Decision, LedgerAccount } from '../engine/command.ts';
import { type LockedAccount, WorkingLedger } from '../engine/working-ledger.ts';
import { decideTransfer, type Transfer } from './transfer.ts';

const uuid = (last: number) => `0192f0c0-0000-7000-8000-${String(last).padStart(12, '0')}`;
const alice = uuid(1);
const bob = uuid(2);
const [transferId, aliceId, bobId, systemId] = [uuid(10), uuid(11), uuid(12), uuid(13)];
const now = new Date('2026-11-20T12:00:00.000Z');

const account = (id: string, changes: Partial<LedgerAccount> = {}): LockedAccount => ({
  id,
  ownerId: alice,
  name: null,
  accountNumber: null,
  currency: 'USD',
  status: 'active',
  posted: 1000n,
  held: 0n,
  heldVersion: 0n,
  version: 3n,
  floor: 0n,
  lastEntryAt: null,
  ...changes,
});

const from = (changes: Partial<LedgerAccount> = {}) => account(aliceId, changes);
const to = (changes: Partial<LedgerAccount> = {}) =>
  account(bobId, { ownerId: bob, posted: 0n, version: 0n, ...changes });

const transfer: Transfer = {
  id: transferId,
  from: aliceId,
  to: bobId,
  amount: 250n,
  currency: 'USD',
  description: 'rent',
  metadata: { reference: 'R1' },
};

function decide(accounts: LockedAccount[], changes: Partial<Transfer> = {}): Decision {
  const wish = { ...transfer, ...changes };
  const ids = [wish.from, ...(wish.to === undefined ? [] : [wish.to])];
  const command = {
    id: wish.id,
    kind: 'transfer',
    accounts: ids,
    limitsOf: [wish.from],
    context: ROOT_CONTEXT,
    decide: () => never(),
  };
  const state = new WorkingLedger(accounts, [], () => now).stateFor(command);
  return decideTransfer(state, wish, {
    caller: { id: formatId('usr', alice), userId: alice },
    path: '/v1/transfers',
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    context: ROOT_CONTEXT,
  });
}

function never(): never {
  throw new Error('not called');
}

function refusal(decision: Decision): { status: number; code: string; detail: string } {
  if (decision.outcome !== 'refused' || 'error' in decision) throw new Error('It is not refused with an answer');
  return JSON.parse(decision.answer.body);
}

describe('a transfer that nothing speaks against', () => {
  const decision = decide([from(), to()]);
  if (decision.outcome !== 'applied') throw new Error('It is refused');

  test('moves the amount with two entries that sum to zero', () => {
    expect(decision.transactions[0]?.entries).toEqual([
      { account: aliceId, amount: -250n, currency: 'USD', balanceAfter: 750n, version: 4n },
      { account: bobId, amount: 250n, currency: 'USD', balanceAfter: 250n, version: 1n },
    ]);
  });

  test('is answered 201 without the balance of the other side', () => {
    expect(decision.answer.status).toBe(201);
    expect(JSON.parse(decision.answer.body)).toEqual({
      id: formatId('txn', transferId),
      type: 'transfer',
      status: 'posted',
      amount: '2.50',
      currency: 'USD',
      from: formatId('acc', aliceId),
      to: formatId('acc', bobId),
      description: 'rent',
      metadata: { reference: 'R1' },
      entries: [
        { account: formatId('acc', aliceId), amount: '-2.50', balanceAfter: '7.50', version: 4 },
        { account: formatId('acc', bobId), amount: '2.50' },
      ],
      createdAt: now.toISOString(),
      postedAt: now.toISOString(),
      effectiveAt: now.toISOString(),
    });
  });

  test('tells the world in an event of the agreed form', () => {
    const event = JSON.parse(decision.events[0]?.text ?? '');
    expect(event.type).toBe(transactionPosted.type);
    const data = transactionPosted.parse(event.data);
    expect(parseId('txn', data.transaction.id)).toBe(transferId);
    expect(data.entries.map((entry) => [entry.owner, entry.balanceAfter, entry.heldAfter, entry.version])).toEqual([
      [formatId('usr', alice), '7.50', '0.00', 4],
      [formatId('usr', bob), '2.50', '0.00', 1],
    ]);
  });
});

describe('a transfer is refused', () => {
  test.each([
    ['there is no such account', []],
    ['it belongs to another', [from({ ownerId: bob })]],
    ['it is one of the bank’s own', [from({ ownerId: null, name: 'suspense' })]],
  ])('as not found, without using up the key, when `from`: %s', (_, accounts) => {
    const decision = decide([...accounts, to()]);
    expect(decision).toMatchObject({ outcome: 'refused', error: { code: 'not_found' } });
  });

  test.each<[string, string, LockedAccount[], Partial<Transfer>]>([
    ['same_account', 'both sides are the same', [from()], { to: aliceId }],
    ['account_not_found', 'the number belongs to nobody', [from()], { to: undefined }],
    ['account_not_found', 'there is no destination', [from()], {}],
    [
      'account_not_found',
      'the destination is the bank’s',
      [from(), account(systemId, { ownerId: null })],
      { to: systemId },
    ],
    ['currency_mismatch', '`from` has another currency', [from({ currency: 'EUR' }), to()], {}],
    ['currency_mismatch', '`to` has another currency', [from(), to({ currency: 'EUR' })], {}],
    ['account_frozen', '`from` is frozen', [from({ status: 'frozen' }), to()], {}],
    ['account_closed', '`from` is closed', [from({ status: 'closed' }), to()], {}],
    ['account_closed', '`to` is closed', [from(), to({ status: 'closed' })], {}],
    ['insufficient_funds', 'there is too little', [from({ posted: 249n }), to()], {}],
    ['insufficient_funds', 'too much of it is held', [from({ held: 751n }), to()], {}],
    [
      'insufficient_funds',
      'the amount exceeds what a database holds',
      [from(), to()],
      { amount: MAX_MINOR_UNITS + 1n },
    ],
    [
      'limit_exceeded',
      'the balance of `to` could not be represented',
      [from(), to({ posted: MAX_MINOR_UNITS - 249n })],
      {},
    ],
  ])('%s when %s', (code, _, accounts, changes) => {
    const problem = refusal(decide(accounts, changes));
    expect(problem).toMatchObject({ status: 422, code, instance: '/v1/transfers' });
  });

  test('with the figures when funds are insufficient', () => {
    const { detail } = refusal(decide([from({ posted: 240n }), to()]));
    expect(detail).toBe(`Account ${formatId('acc', aliceId)} has 2.40 USD available; 2.50 USD needed.`);
  });

  test('by the first rule in the documented order when several speak against it', () => {
    const all = { currency: 'EUR', status: 'frozen', posted: 0n } as const;
    expect(refusal(decide([from(all)], { to: aliceId })).code).toBe('same_account');
    expect(refusal(decide([from(all)])).code).toBe('account_not_found');
    expect(refusal(decide([from(all), to()])).code).toBe('currency_mismatch');
    expect(refusal(decide([from({ ...all, currency: 'USD' }), to({ status: 'closed' })])).code).toBe('account_frozen');
    expect(refusal(decide([from({ posted: 0n }), to({ status: 'closed' })])).code).toBe('account_closed');
  });
});

describe('a transfer is allowed', () => {
  test.each<[string, LockedAccount[], Partial<Transfer>]>([
    ['to a frozen account', [from(), to({ status: 'frozen' })], {}],
    ['of all there is', [from(), to()], { amount: 1000n }],
    ['up to the largest balance', [from(), to({ posted: MAX_MINOR_UNITS - 250n })], {}],
  ])('%s', (_, accounts, changes) => {
    expect(decide(accounts, changes).outcome).toBe('applied');
  });
});
