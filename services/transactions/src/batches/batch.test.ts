import { formatId, type ProblemBody } from '@florin/service';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Command, Decision } from '../engine/command.ts';
import { type LockedAccount, WorkingLedger } from '../engine/working-ledger.ts';
import { decideTransfer, type Transfer, type TransferRequest } from '../transfers/transfer.ts';
import { type BatchMode, decideBatch } from './batch.ts';

const uuid = (last: number) => `0192f0c0-0000-7000-8000-${String(last).padStart(12, '0')}`;
const owner = uuid(1);
const now = new Date('2026-11-20T12:00:00.000Z');
const request: TransferRequest = {
  caller: { id: formatId('usr', owner), userId: owner },
  path: '/v1/transfers/batch',
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  context: ROOT_CONTEXT,
};
// The last one belongs to somebody else.
const ids = [uuid(11), uuid(12), uuid(13), uuid(14)];

const account = (id: string, posted: bigint): LockedAccount => ({
  id,
  ownerId: id === ids[3] ? uuid(2) : owner,
  name: null,
  accountNumber: null,
  currency: 'USD',
  status: 'active',
  posted,
  held: 0n,
  heldVersion: 0n,
  version: 0n,
  floor: 0n,
  lastEntryAt: null,
});

const transfer = (index: number, from: number, to: number, amount: bigint): Transfer => ({
  id: uuid(100 + index),
  from: ids[from] ?? '',
  to: ids[to],
  amount,
  currency: 'USD',
  description: null,
  metadata: {},
});

interface Result {
  transaction?: { id: string };
  problem?: ProblemBody;
}

/** Runs decisions on a ledger as the engine does; returns it with the answers. */
function run(balances: readonly bigint[], decide: readonly Command['decide'][], limits: bigint | null = null) {
  const accounts = ids.map((id, index) => account(id, balances[index] ?? 0n));
  const limited = ids.map((accountId) => {
    return { accountId, perTransaction: null, daily: limits, monthly: null, uses: new Map<string, bigint>() };
  });
  const ledger = new WorkingLedger(accounts, [], () => now, { limits: limits === null ? [] : limited });
  const decisions = decide.map((rule, index): Decision => {
    const command = {
      id: uuid(index),
      kind: 'test',
      accounts: ids,
      limitsOf: ids,
      context: ROOT_CONTEXT,
      decide: rule,
    };
    const state = ledger.stateFor(command);
    const decision = rule(state);
    if (decision.outcome === 'applied') ledger.apply(command, decision, state.now);
    return decision;
  });
  const after = ledger.stateFor({
    id: '',
    kind: 'test',
    accounts: ids,
    limitsOf: ids,
    context: ROOT_CONTEXT,
    decide: () => ({ outcome: 'refused', error: new Error('unused') }),
  });
  return { decisions, after: ids.map((id) => [after.account(id)?.posted, after.limits(id)?.usedToday]) };
}

const batch = (mode: BatchMode, transfers: readonly Transfer[]) => (state: Parameters<Command['decide']>[0]) =>
  decideBatch(state, mode, transfers, request);

function bodyOf(decision: Decision | undefined): { status: number; body: Record<string, unknown> } {
  if (!decision || 'error' in decision) throw new Error('It has no answer');
  return { status: decision.answer.status, body: JSON.parse(decision.answer.body) };
}

const wishes = fc.array(fc.record({ from: fc.nat(3), to: fc.nat(3), amount: fc.bigInt({ min: 1n, max: 150n }) }), {
  minLength: 1,
  maxLength: 12,
});
const balances = fc.tuple(fc.bigInt(0n, 200n), fc.bigInt(0n, 200n), fc.bigInt(0n, 200n), fc.bigInt(0n, 200n));
const limits = fc.option(fc.bigInt(1n, 300n));

describe('an independent batch', () => {
  test('does what its transfers do one after the other, whatever they are', () => {
    fc.assert(
      fc.property(balances, wishes, limits, (start, wanted, limit) => {
        const transfers = wanted.map(({ from, to, amount }, index) => transfer(index, from, to, amount));
        const together = run(start, [batch('independent', transfers)], limit);
        const single = transfers.map(
          (one) => (state: Parameters<Command['decide']>[0]) => decideTransfer(state, one, request),
        );
        const apart = run(start, single, limit);
        expect(together.after).toEqual(apart.after);
        const results = bodyOf(together.decisions[0]).body.results as Result[];
        expect(results.map(({ transaction }) => transaction !== undefined)).toEqual(
          apart.decisions.map(({ outcome }) => outcome === 'applied'),
        );
        const views = apart.decisions.flatMap((one) => (one.outcome === 'applied' ? [bodyOf(one).body] : []));
        expect(results.flatMap(({ transaction }) => transaction ?? [])).toEqual(views);
      }),
    );
  });

  test('refuses an item with its own problem, in its place', () => {
    const transfers = [transfer(0, 0, 1, 60n), transfer(1, 0, 1, 60n), transfer(2, 3, 0, 1n), transfer(3, 1, 2, 60n)];
    const { decisions, after } = run([100n, 0n, 0n, 9n], [batch('independent', transfers)]);
    const { status, body } = bodyOf(decisions[0]);
    expect(status).toBe(200);
    expect((body.results as Result[]).map((one) => one.problem?.code ?? 'posted')).toEqual([
      'posted',
      'insufficient_funds',
      'not_found',
      'posted',
    ]);
    expect(after.map(([posted]) => posted)).toEqual([40n, 0n, 60n, 9n]);
  });
});

describe('an atomic batch', () => {
  test('does all or nothing, and names the first that is refused', () => {
    fc.assert(
      fc.property(balances, wishes, limits, (start, wanted, limit) => {
        const transfers = wanted.map(({ from, to, amount }, index) => transfer(index, from, to, amount));
        const independent = run(start, [batch('independent', transfers)], limit);
        const results = bodyOf(independent.decisions[0]).body.results as Result[];
        const first = results.findIndex(({ problem }) => problem !== undefined);
        const { decisions, after } = run(start, [batch('atomic', transfers)], limit);
        const [decision] = decisions;
        if (first < 0) {
          expect([after, bodyOf(decision)]).toEqual([independent.after, bodyOf(independent.decisions[0])]);
          return;
        }
        expect(after.map(([posted]) => posted)).toEqual(start);
        const problem = results[first]?.problem;
        if (problem?.status === 404) expect(decision).toMatchObject({ outcome: 'refused', error: { index: first } });
        else expect(bodyOf(decision)).toMatchObject({ status: 422, body: { code: problem?.code, index: first } });
      }),
    );
  });

  test('says in its detail which transfer and why', () => {
    const transfers = [transfer(0, 0, 1, 60n), transfer(1, 0, 1, 60n)];
    const { body } = bodyOf(run([100n], [batch('atomic', transfers)]).decisions[0]);
    expect(body.detail).toBe(
      `Nothing of the batch was posted because of /transfers/1: Account ${formatId('acc', ids[0] ?? '')} has 0.40 USD available; 0.60 USD needed.`,
    );
    expect(body).toMatchObject({ index: 1, instance: '/v1/transfers/batch' });
  });

  test('refuses a transfer that would have to wait for an approval; an independent one leaves it waiting', () => {
    const transfers = [transfer(0, 0, 1, 10n), { ...transfer(1, 0, 1, 60n), needsApproval: true }];
    const atomic = run([100n], [batch('atomic', transfers)]);
    expect(bodyOf(atomic.decisions[0])).toMatchObject({ status: 422, body: { code: 'limit_exceeded', index: 1 } });
    const independent = run([100n], [batch('independent', [...transfers, transfer(2, 0, 1, 31n)])]);
    const results = bodyOf(independent.decisions[0]).body.results as { transaction?: { status: string } }[];
    expect(results.map(({ transaction }) => transaction?.status)).toEqual(['posted', 'pending_approval', undefined]);
    expect(independent.after[0]?.[0]).toBe(90n);
  });
});
