import { describe, expect, test } from 'vitest';
import { activeHold, commandOn, ledgerOf, lockedAccount, movement, now, uuid } from '../testing/rules.ts';
import { decideBatch, type KeptAnswer, keyOf, type Outcome } from './batch-decision.ts';
import type { Command, Decision, Idempotency, LedgerState, PaymentState } from './command.ts';

const [a, b, holdId, paymentId] = [uuid(11), uuid(12), uuid(21), uuid(41)];
const two = () => [lockedAccount(a), lockedAccount(b, { posted: 0n, version: 0n })];
const key: Idempotency = { caller: 'usr_1', key: 'k', fingerprint: Buffer.from('same') };
const kept = (...answers: KeptAnswer[]) => new Map(answers.map((answer) => [keyOf(answer), answer]));
const answer = { status: 201, body: '{}' };

type Applied = Extract<Decision, { outcome: 'applied' }>;
const applied = (effect: Partial<Applied> = {}): Applied => {
  return { outcome: 'applied', transactions: [], events: [], answer, ...effect };
};

const eventOf = (number: number) => ({ id: `event ${number}`, type: 'moved', text: '{}' });

/** A command that moves `amount` and answers with its number. */
function moving(number: number, amount: bigint, names: Partial<Command> = {}): Command {
  const id = uuid(number);
  const decide = (state: LedgerState) => {
    const transactions = [movement(state, a, b, amount, { id })];
    return applied({ transactions, events: [eventOf(number)], answer: { status: 201, body: String(number) } });
  };
  return { ...commandOn([a, b], names, decide), id };
}

const deciding = (decide: (state: LedgerState) => Decision, names: Partial<Command> = {}) =>
  commandOn([a, b], names, decide);
const kinds = (outcomes: readonly Outcome[]) => outcomes.map(({ kind }) => kind);

describe('a batch', () => {
  test('decides in order, each seeing the effect of those before, and writes all of it', () => {
    const { outcomes, writes } = decideBatch(
      [moving(1, 600n), moving(2, 400n, { idempotency: key })],
      ledgerOf(two()),
      kept(),
    );
    expect(outcomes).toEqual([
      { kind: 'applied', answer: { status: 201, body: '1', replayed: false }, transactionIds: [uuid(1)] },
      { kind: 'applied', answer: { status: 201, body: '2', replayed: false }, transactionIds: [uuid(2)] },
    ]);
    expect(writes.accounts.map(({ posted, version }) => [posted, version])).toEqual([
      [0n, 5n],
      [1000n, 2n],
    ]);
    expect(writes.transactions.map(({ id }) => id)).toEqual([uuid(1), uuid(2)]);
    expect(writes.events).toEqual([eventOf(1), eventOf(2)]);
    expect(writes.answers).toEqual([{ ...key, status: 201, body: '2' }]);
  });

  test('lets a command that throws, or breaks a law, fail alone and leaves nothing of it', () => {
    const bug = new Error('a bug');
    const throwing = deciding(
      () => {
        throw bug;
      },
      { idempotency: key },
    );
    const { outcomes, writes } = decideBatch([throwing, moving(1, 1001n), moving(2, 1000n)], ledgerOf(two()), kept());
    expect(kinds(outcomes)).toEqual(['failed', 'failed', 'applied']);
    expect(outcomes[0]).toEqual({ kind: 'failed', error: bug });
    expect([writes.transactions.length, writes.events, writes.answers]).toEqual([1, [eventOf(2)], []]);
  });

  test('writes holds, uses of limits and rows of other tables', () => {
    const old = activeHold(holdId, a, 10n);
    const voided = { ...old, status: 'voided' as const };
    const fresh = activeHold(uuid(22), a, 5n);
    const row = { table: 'fx_quote_uses' as const, row: { quote_id: uuid(1), transaction_id: uuid(2) } };
    const decide = () => applied({ holds: [voided, fresh], limitUses: [{ account: a, amount: 7n }], rows: [row] });
    const ledger = ledgerOf([lockedAccount(a, { held: 10n })], { holds: [old] });
    const { writes } = decideBatch([deciding(decide, { holds: [holdId], limitsOf: [a] })], ledger, kept());
    expect(writes).toMatchObject({ newHolds: [fresh], changedHolds: [voided], rows: [row] });
    expect(writes.limitUses.map(({ amount }) => amount)).toEqual([7n, 7n]);
    expect(writes.accounts[0]?.held).toBe(5n);
  });

  test('writes a payment once, with all that its changes say', () => {
    const payment = { id: paymentId, status: 'pending', providerReference: null } as PaymentState;
    const change = (status: 'pending' | 'posted', more: object = {}) =>
      deciding(() => applied({ payments: [{ id: paymentId, status, ...more }] }), { payments: [paymentId] });
    const commands = [change('pending', { providerReference: 'ch_1' }), change('posted')];
    const { writes } = decideBatch(commands, ledgerOf(two(), { payments: [payment] }), kept());
    expect(writes.payments).toEqual([{ id: paymentId, status: 'posted', providerReference: 'ch_1' }]);
  });
});

describe('a refusal', () => {
  test('with an answer is kept under its key and changes nothing', () => {
    const no = { status: 422, body: '{"code":"no"}' };
    const { outcomes, writes } = decideBatch(
      [deciding(() => ({ outcome: 'refused', answer: no }), { idempotency: key })],
      ledgerOf(two()),
      kept(),
    );
    expect(outcomes).toEqual([{ kind: 'refused', answer: { ...no, replayed: false } }]);
    expect([writes.accounts, writes.answers]).toEqual([[], [{ ...key, ...no }]]);
  });

  test('with an error leaves the key unused', () => {
    const error = new Error('not there');
    const command = deciding(() => ({ outcome: 'refused', error }), { idempotency: key });
    const { outcomes, writes } = decideBatch([command, moving(1, 5n, { idempotency: key })], ledgerOf(two()), kept());
    expect(outcomes[0]).toEqual({ kind: 'failed', error });
    expect([kinds(outcomes), writes.answers.length]).toEqual([['failed', 'applied'], 1]);
  });
});

describe('a key', () => {
  const earlier: KeptAnswer = { ...key, status: 422, body: 'earlier' };

  test('that has an answer gives it again, from the database or from this batch', () => {
    const fromDatabase = decideBatch([moving(1, 5n, { idempotency: key })], ledgerOf(two()), kept(earlier));
    expect(fromDatabase.outcomes).toEqual([
      { kind: 'replayed', answer: { status: 422, body: 'earlier', replayed: true } },
    ]);
    expect([fromDatabase.writes.transactions, fromDatabase.writes.answers]).toEqual([[], []]);

    const again = decideBatch(
      [moving(1, 5n, { idempotency: key }), moving(2, 5n, { idempotency: key })],
      ledgerOf(two()),
      kept(),
    );
    expect(again.outcomes[1]).toEqual({ kind: 'replayed', answer: { status: 201, body: '1', replayed: true } });
    expect(again.writes.transactions.length).toBe(1);
  });

  test('is refused for another request, and is not that of another caller or of none', () => {
    const other = { ...key, fingerprint: Buffer.from('other') };
    const reused = decideBatch([moving(1, 5n, { idempotency: other })], ledgerOf(two()), kept(earlier));
    expect(reused.outcomes).toMatchObject([{ kind: 'failed', error: { code: 'idempotency_key_reused' } }]);
    const strangers = [moving(1, 5n, { idempotency: { ...key, caller: 'usr_2' } }), moving(2, 5n), moving(3, 5n)];
    expect(kinds(decideBatch(strangers, ledgerOf(two()), kept(earlier)).outcomes)).toEqual(Array(3).fill('applied'));
  });
});

describe('an answer of a rule', () => {
  test.each([
    [199, 'failed'],
    [200, 'applied'],
    [299, 'applied'],
    [300, 'failed'],
    [404, 'failed'],
    [422, 'applied'],
    [500, 'failed'],
  ])('with status %i is %s: only 2xx and 422 are answers', (status, kind) => {
    const ledger = ledgerOf(two());
    const decide = (state: LedgerState) =>
      applied({ transactions: [movement(state, a, b, 1n)], answer: { status, body: '' } });
    const { outcomes, writes } = decideBatch([deciding(decide)], ledger, kept());
    expect([kinds(outcomes), writes.transactions.length]).toEqual([[kind], kind === 'applied' ? 1 : 0]);
  });

  test('is decided at one instant', () => {
    const seen: Date[] = [];
    const command = deciding((state) => {
      seen.push(state.now);
      return applied();
    });
    decideBatch([command], ledgerOf(two()), kept());
    expect(seen).toEqual([now]);
  });
});
