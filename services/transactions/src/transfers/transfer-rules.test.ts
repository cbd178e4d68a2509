import { MAX_MINOR_UNITS } from '@florin/money';
import { formatId } from '@florin/service';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { describe, expect, test } from 'vitest';
import type { LockedAccount } from '../engine/working-ledger.ts';
import { Refusal } from '../errors.ts';
import { commandOn, ledgerOf, lockedAccount, now, uuid } from '../testing/rules.ts';
import { feesAccount } from './fee.ts';
import { decideTransfer, refusedBy } from './transfer.ts';
import { accountsOf, checkFunds, fundsRefusal, type Transfer, transactionOf } from './transfer-rules.ts';

const [a, b] = [uuid(11), uuid(12)];
const fees = feesAccount('USD');
const from = (changes: Partial<LockedAccount> = {}) => lockedAccount(a, changes);
const to = (changes: Partial<LockedAccount> = {}) => lockedAccount(b, { ownerId: uuid(2), posted: 0n, ...changes });
const income = lockedAccount(fees.id, { ownerId: null, name: fees.name, posted: 0n, version: 0n, floor: null });
const transfer: Transfer = {
  id: uuid(100),
  from: a,
  to: b,
  amount: 250n,
  currency: 'USD',
  description: null,
  metadata: {},
};
const request = {
  caller: { id: formatId('usr', uuid(1)), userId: uuid(1) },
  path: '/v1/transfers',
  traceId: 'trace',
  context: ROOT_CONTEXT,
};

/** Decides a transfer and lets the engine's laws look at what comes out. */
function decide(changes: Partial<Transfer>, accounts = [from(), to(), income]) {
  const wish = { ...transfer, ...changes };
  const command = commandOn(accountsOf(wish), { limitsOf: [wish.from] });
  const limits = [{ accountId: a, perTransaction: null, daily: 10_000n, monthly: null, uses: new Map() }];
  const ledger = ledgerOf(accounts, { limits });
  const decision = decideTransfer(ledger.stateFor(command), wish, request);
  if (decision.outcome === 'applied') ledger.apply(command, decision, now);
  return { decision, after: ledger.stateFor(command) };
}

describe('the accounts of a transfer', () => {
  test('are both sides, and the one for fees where there is a fee', () => {
    expect(accountsOf(transfer)).toEqual([a, b]);
    expect(accountsOf({ ...transfer, to: undefined })).toEqual([a]);
    expect(accountsOf({ ...transfer, fee: 0n })).toEqual([a, b]);
    expect(accountsOf({ ...transfer, fee: 1n })).toEqual([a, b, fees.id]);
  });
});

describe('a transfer with a fee', () => {
  test.each<[bigint, [string, bigint][]]>([
    [
      35n,
      [
        [a, -250n],
        [a, -35n],
        [fees.id, 35n],
        [b, 250n],
      ],
    ],
    [
      300n,
      [
        [a, -300n],
        [a, -250n],
        [b, 250n],
        [fees.id, 300n],
      ],
    ],
    [
      250n,
      [
        [a, -250n],
        [a, -250n],
        [b, 250n],
        [fees.id, 250n],
      ],
    ],
  ])('of %s moves it in entries of its own, ordered by amount', (fee, entries) => {
    const { decision, after } = decide({ fee });
    const [posted] = decision.outcome === 'applied' ? decision.transactions : [];
    expect(posted?.entries.map(({ account, amount }) => [account, amount])).toEqual(entries);
    expect([posted?.amount, after.account(a)?.posted, after.account(fees.id)?.posted]).toEqual([250n, 750n - fee, fee]);
  });

  test('counts the amount for limits, not the fee', () => {
    expect(decide({ fee: 35n }).decision).toMatchObject({ limitUses: [{ account: a, amount: 250n }] });
  });

  test('needs both to be there', () => {
    const wish = { ...transfer, fee: 751n };
    expect(() => checkFunds({ from: from(), to: to() }, wish)).toThrow('2.50 USD and a fee of 7.51 USD needed');
    expect(() => checkFunds({ from: from(), to: to() }, { ...wish, fee: 750n })).not.toThrow();
  });
});

describe('funds', () => {
  const rich = from({ floor: null });
  test('of an account without a floor are still bounded by what fits', () => {
    const check = (amount: bigint, account = to()) => checkFunds({ from: rich, to: account }, { ...transfer, amount });
    expect(() => check(MAX_MINOR_UNITS)).not.toThrow();
    expect(() => check(MAX_MINOR_UNITS, to({ posted: 1n }))).toThrow('cannot hold that much');
    expect(() => check(MAX_MINOR_UNITS + 1n, to({ posted: -5n }))).toThrow('cannot hold that much');
  });

  test('that are missing are told less what is held', () => {
    const { detail } = fundsRefusal(from({ held: 800n }), 250n);
    expect(detail).toBe(`Account ${formatId('acc', a)} has 2.00 USD available; 2.50 USD needed.`);
  });
});

describe('a transfer that needs an approval', () => {
  test('keeps amount and fee back, and moves nothing', () => {
    const { decision, after } = decide({ needsApproval: true, fee: 35n });
    expect(decision).toMatchObject({
      outcome: 'applied',
      transactions: [],
      limitUses: [],
      rows: [{ table: 'pending_transfers' }, { table: 'decision_records', row: { step: 'request', posted: '1000' } }],
    });
    expect(after.account(a)).toMatchObject({ posted: 1000n, held: 285n });
    expect(JSON.parse('answer' in decision ? decision.answer.body : '{}')).toMatchObject({
      status: 'pending_approval',
    });
  });

  test('is refused by the same rules', () => {
    const { decision } = decide({ needsApproval: true, amount: 1001n });
    expect(JSON.parse('answer' in decision ? decision.answer.body : '{}').code).toBe('insufficient_funds');
  });
});

describe('the transaction of a transfer', () => {
  test('says who wished it when, and which hold it takes', () => {
    const state = ledgerOf([from(), to()]).stateFor(commandOn([a, b]));
    const createdAt = new Date('2026-11-01T00:00:00.000Z');
    const origin = { initiatedBy: 'usr_1', traceId: null, createdAt, holdId: uuid(21) };
    const wish = { ...transfer, description: 'rent', metadata: { a: 'b' } };
    expect(transactionOf(state, wish, { from: from(), to: to() }, origin)).toMatchObject({
      ...origin,
      type: 'transfer',
      debitAccountId: a,
      creditAccountId: b,
      description: 'rent',
      metadata: { a: 'b' },
      reversalOf: null,
      postedAt: now,
      effectiveAt: now,
    });
  });
});

describe('what a rule throws', () => {
  test('is an answer to keep when it is a refusal, and thrown on when it is a bug', () => {
    const decision = refusedBy(new Refusal('insufficient_funds', 'no'), request);
    expect(decision).toMatchObject({ outcome: 'refused', answer: { status: 422 } });
    const body = JSON.parse('answer' in decision ? decision.answer.body : '{}');
    expect(body).toMatchObject({ code: 'insufficient_funds', instance: '/v1/transfers', traceId: 'trace' });
    expect(() => refusedBy(new TypeError('bug'), request)).toThrow(TypeError);
  });
});
