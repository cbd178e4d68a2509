import { newUuid } from '@florin/service';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brokenInvariants, type OpenAccount, startTestLedger, type TestLedger } from '../testing/test-ledger.ts';
import type { Command, Decision, LedgerState, PostedTransaction } from './command.ts';
import { entriesFor } from './entries.ts';
import type { Hold } from './hold.ts';
import type { PostingEngine } from './posting-engine.ts';

let ledger: TestLedger;
let engine: PostingEngine;
beforeAll(async () => {
  ledger = await startTestLedger();
  engine = ledger.engine({ lanes: 1 });
});
afterAll(() => ledger.close());

type Effect = Omit<Extract<Decision, { outcome: 'applied' }>, 'outcome' | 'answer' | 'events' | 'transactions'> & {
  transactions?: readonly PostedTransaction[];
};

/** A command whose rule gives this effect, and answers with what `seen` tells of the state. */
function command(
  names: Partial<Command> & Pick<Command, 'accounts'>,
  effect: (state: LedgerState) => Effect,
  seen: (state: LedgerState) => unknown = () => null,
): Command {
  return {
    id: newUuid(),
    kind: 'test',
    context: ROOT_CONTEXT,
    ...names,
    decide: (state) => {
      const body = JSON.stringify(seen(state), (_, value) => (typeof value === 'bigint' ? String(value) : value));
      return { outcome: 'applied', transactions: [], events: [], ...effect(state), answer: { status: 200, body } };
    },
  };
}

const submit = async (...parameters: Parameters<typeof command>): Promise<unknown> =>
  JSON.parse((await engine.submit(command(...parameters))).body);

const holdOn = (account: OpenAccount, amount: bigint, changes: Partial<Hold> = {}): Hold => ({
  id: newUuid(),
  purpose: 'authorization',
  accountId: account.id,
  toAccountId: null,
  amount,
  capturedAmount: 0n,
  currency: account.currency,
  status: 'active',
  description: null,
  initiatedBy: 'service:test',
  traceId: null,
  expiresAt: new Date('2027-01-01T00:00:00.000Z'),
  createdAt: new Date('2026-11-20T12:00:00.000Z'),
  updatedAt: new Date('2026-11-20T12:00:00.000Z'),
  ...changes,
});

function transferOf(state: LedgerState, from: OpenAccount, to: OpenAccount, changes: Partial<PostedTransaction> = {}) {
  const amount = changes.amount ?? 10n;
  const postings = [
    { account: from.id, amount: -amount },
    { account: to.id, amount },
  ];
  return {
    id: newUuid(),
    type: 'transfer' as const,
    amount,
    currency: 'USD',
    debitAccountId: from.id,
    creditAccountId: to.id,
    description: null,
    metadata: {},
    reversalOf: null,
    holdId: null,
    initiatedBy: 'service:test',
    traceId: null,
    createdAt: state.now,
    postedAt: state.now,
    effectiveAt: state.now,
    entries: entriesFor(state, postings),
    ...changes,
  };
}

const accountRow = (id: string) =>
  ledger.db
    .selectFrom('ledger_accounts')
    .select(['posted', 'held', 'held_version', 'version'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow();

describe('holds', () => {
  test('keep money back until they end; what is captured leaves in the same batch write', async () => {
    const [a, b] = [await ledger.open({ posted: 100n }), await ledger.open()];
    const hold = holdOn(a, 60n);
    await submit({ accounts: [a.id] }, () => ({ holds: [hold] }));
    expect(await accountRow(a.id)).toEqual({ posted: 100n, held: 60n, held_version: 1n, version: 0n });

    const captured = { ...hold, status: 'captured' as const, capturedAmount: 60n };
    const seen = await submit(
      { accounts: [a.id, b.id], holds: [hold.id] },
      (state) => ({ holds: [captured], transactions: [transferOf(state, a, b, { amount: 60n, holdId: hold.id })] }),
      (state) => state.hold(hold.id),
    );
    expect(seen).toMatchObject({ id: hold.id, status: 'active', amount: '60', capturedAmount: '0' });
    expect(await accountRow(a.id)).toEqual({ posted: 40n, held: 0n, held_version: 2n, version: 1n });
    const stored = await ledger.db.selectFrom('holds').selectAll().where('id', '=', hold.id).executeTakeFirst();
    expect(stored).toMatchObject({ status: 'captured', captured_amount: 60n, to_account_id: null });
    const wrong = await brokenInvariants(ledger.db);
    expect(wrong.filter((row) => JSON.stringify(row).includes(hold.id))).toEqual([]);
  });

  test('a later command of the batch sees them', async () => {
    const a = await ledger.open({ posted: 100n });
    const hold = holdOn(a, 70n);
    const [, seen] = await Promise.all([
      submit({ accounts: [a.id] }, () => ({ holds: [hold] })),
      submit(
        { accounts: [a.id], holds: [hold.id] },
        () => ({ holds: [{ ...hold, status: 'voided' }] }),
        (state) => state.account(a.id)?.held,
      ),
    ]);
    expect(seen).toBe('70');
    expect(await accountRow(a.id)).toMatchObject({ held: 0n, held_version: 2n });
    const stored = await ledger.db.selectFrom('holds').select('status').where('id', '=', hold.id).executeTakeFirst();
    expect(stored?.status).toBe('voided');
  });

  test.each<[string, (account: OpenAccount) => Hold]>([
    ['more than there is', (account) => holdOn(account, 101n)],
    ['another currency', (account) => holdOn(account, 1n, { currency: 'EUR' })],
    ['captured beyond its amount', (account) => holdOn(account, 5n, { status: 'captured', capturedAmount: 6n })],
  ])('a rule that holds %s fails, and nothing happens', async (_, broken) => {
    const a = await ledger.open({ posted: 100n });
    await expect(submit({ accounts: [a.id] }, () => ({ holds: [broken(a)] }))).rejects.toThrow();
    expect(await accountRow(a.id)).toMatchObject({ held: 0n, held_version: 0n });
  });

  test('a hold that has ended does not change again, nor does its amount ever', async () => {
    const a = await ledger.open({ posted: 100n });
    const hold = holdOn(a, 60n);
    await submit({ accounts: [a.id] }, () => ({ holds: [hold] }));
    const change = (after: Hold) => submit({ accounts: [a.id], holds: [hold.id] }, () => ({ holds: [after] }));
    await expect(change({ ...hold, amount: 50n })).rejects.toThrow('another than before');
    await change({ ...hold, status: 'expired' });
    await expect(change({ ...hold, status: 'voided' })).rejects.toThrow('expired already');
    expect(await accountRow(a.id)).toMatchObject({ held: 0n, held_version: 2n });
  });
});

describe('limits', () => {
  test('are read with what is used of the day and the month, also by earlier commands of the batch', async () => {
    const clock = { now: new Date('2026-11-30T23:59:59.000Z') };
    const own = ledger.engine({ lanes: 1, clock: () => clock.now });
    const a = await ledger.open({ posted: 100n });
    await ledger.db.updateTable('ledger_accounts').set({ limit_daily: 500n }).where('id', '=', a.id).execute();
    const use = async (amount: bigint): Promise<unknown> => {
      const names = { accounts: [a.id], limitsOf: [a.id] };
      const effect = () => ({ limitUses: [{ account: a.id, amount }] });
      return JSON.parse((await own.submit(command(names, effect, (state) => state.limits(a.id)))).body);
    };
    const limits = { perTransaction: null, daily: '500', monthly: null };
    const both = await Promise.all([use(10n), use(20n)]);
    expect(both).toEqual([
      { ...limits, usedToday: '0', usedThisMonth: '0' },
      { ...limits, usedToday: '10', usedThisMonth: '10' },
    ]);
    expect(await use(5n)).toEqual({ ...limits, usedToday: '30', usedThisMonth: '30' });
    clock.now = new Date('2026-12-01T00:00:00.000Z');
    expect(await use(1n)).toEqual({ ...limits, usedToday: '0', usedThisMonth: '0' });
    clock.now = new Date('2026-12-02T00:00:00.000Z');
    expect(await use(1n)).toEqual({ ...limits, usedToday: '0', usedThisMonth: '1' });
  });

  test('of an account without any are undefined', async () => {
    const a = await ledger.open();
    const seen = await submit(
      { accounts: [a.id], limitsOf: [a.id] },
      () => ({}),
      (state) => ({
        limits: state.limits(a.id) ?? 'none',
      }),
    );
    expect(seen).toEqual({ limits: 'none' });
  });
});

describe('reversals', () => {
  test('are counted, in the batch and after, and never pass the original', async () => {
    const [a, b] = [await ledger.open({ posted: 100n }), await ledger.open({ posted: 50n })];
    const originalId = newUuid();
    const accounts = [a.id, b.id];
    await submit({ accounts }, (state) => ({ transactions: [transferOf(state, a, b, { id: originalId })] }));
    const reverse = (amount: bigint) =>
      submit(
        { accounts, reversalsOf: [originalId] },
        (state) => ({ transactions: [transferOf(state, b, a, { amount, type: 'reversal', reversalOf: originalId })] }),
        (state) => state.reversed(originalId),
      );
    const facts = { id: originalId, type: 'transfer', amount: '10', debitAccountId: a.id, creditAccountId: b.id };
    expect(await Promise.all([reverse(3n), reverse(4n)])).toMatchObject([
      { ...facts, reversedAmount: '0' },
      { ...facts, reversedAmount: '3' },
    ]);
    await expect(reverse(4n)).rejects.toThrow('More of');
    expect(await reverse(3n)).toMatchObject({ reversedAmount: '7' });
    expect(await accountRow(b.id)).toMatchObject({ posted: 50n });
  });
});

test('rows of other tables are written with the decision', async () => {
  const a = await ledger.open();
  const id = newUuid();
  const at = '2026-11-20T12:00:00.000Z';
  const row = {
    id,
    type: 'withdrawal',
    account_id: a.id,
    owner_id: a.ownerId,
    amount: '9007199254740993',
    currency: 'USD',
    status: 'pending',
    provider: 'sandbox',
    source: { type: 'card', token: 'tok_ok' },
    metadata: {},
    initiated_by: 'service:test',
    created_at: at,
    updated_at: at,
  };
  await submit({ accounts: [a.id] }, () => ({ rows: [{ table: 'payments', row }] }));
  const stored = await ledger.db.selectFrom('payments').selectAll().where('id', '=', id).executeTakeFirst();
  expect(stored).toMatchObject({ amount: 9_007_199_254_740_993n, source: { token: 'tok_ok' }, attempts: 0 });
});

test('a rule sees only what its command names', async () => {
  const a = await ledger.open();
  const peeks: ((state: LedgerState) => unknown)[] = [
    (state) => state.hold(a.id),
    (state) => state.limits(a.id),
    (state) => state.reversed(a.id),
  ];
  for (const peek of peeks)
    await expect(submit({ accounts: [a.id] }, () => ({}), peek)).rejects.toThrow('did not name');
});
