import type { UserPrincipal } from '@florin/auth';
import { parseAmount } from '@florin/money';
import { formatId, newUuid } from '@florin/service';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Command, Decision, LedgerState } from '../engine/command.ts';
import type { PostingEngine } from '../engine/posting-engine.ts';
import { decideReversal } from '../reversals/reversal.ts';
import {
  brokenInvariants,
  type OpenAccount,
  startTestLedger,
  type TestLedger,
  transferCommand,
} from '../testing/test-ledger.ts';
import { decideCapture, decideExpiry, decideVoid } from './hold-end.ts';
import { decideHold } from './place-hold.ts';

let ledger: TestLedger;
let engine: PostingEngine;
beforeAll(async () => {
  ledger = await startTestLedger();
  engine = ledger.engine({ lanes: 1 });
});
afterAll(() => ledger.close());

const kinds = ['hold', 'hold', 'due hold', 'transfer', 'capture', 'void', 'expire', 'reverse'] as const;

interface Step {
  kind: (typeof kinds)[number];
  amount: number;
  /** Which of the holds or transfers before. */
  pick: number;
}

interface Model {
  payer: number;
  payee: number;
  holds: { id: string; amount: number; due: boolean; status: string }[];
  transfers: { id: string; left: number }[];
  /** How many transfers were answered before this batch: nobody knows the id of another, to reverse it. */
  answered: number;
}

const available = ({ payer, holds }: Model) =>
  payer - holds.reduce((sum, hold) => sum + (hold.status === 'active' ? hold.amount : 0), 0);

/** Status of the answer that the step should get; the model moves on when it is a yes. */
function modelAnswer(model: Model, { kind, amount, pick }: Step, id: string): number {
  const hold = model.holds[pick % model.holds.length];
  const transfer = model.transfers[pick % model.answered];
  if (kind === 'transfer') {
    if (available(model) < amount) return 422;
    model.transfers.push({ id, left: amount });
    model.payer -= amount;
    model.payee += amount;
    return 201;
  }
  if (kind === 'hold' || kind === 'due hold') {
    if (available(model) < amount) return 422;
    model.holds.push({ id, amount, due: kind === 'due hold', status: 'active' });
    return 201;
  }
  if (kind === 'reverse') {
    if (!transfer) return 0;
    if (transfer.left < amount || model.payee < amount) return 422;
    transfer.left -= amount;
    model.payer += amount;
    model.payee -= amount;
    return 201;
  }
  return hold ? modelEnd(model, hold, kind, amount) : 0;
}

function modelEnd(model: Model, hold: Model['holds'][number], kind: Step['kind'], amount: number): number {
  const active = hold.status === 'active';
  if (kind === 'expire') {
    if (active && hold.due) hold.status = 'expired';
    return 200;
  }
  if (!active || hold.due || (kind === 'capture' && amount > hold.amount)) return 422;
  hold.status = kind === 'capture' ? 'captured' : 'voided';
  if (kind === 'capture') {
    model.payer -= amount;
    model.payee += amount;
  }
  return 200;
}

interface Parties {
  payer: OpenAccount;
  payee: OpenAccount;
}

function commandFor({ kind, amount, pick }: Step, model: Model, { payer, payee }: Parties, id: string): Command {
  const caller: UserPrincipal = {
    ...{ kind: 'user', id: formatId('usr', payer.ownerId), userId: payer.ownerId, sessionId: 'ses_x' },
    ...{ roles: ['operator'], scopes: [] },
  };
  const request = { caller, path: '/', traceId: '4bf92f3577b34da6a3ce929d0e0e4736', context: ROOT_CONTEXT };
  const hold = model.holds[pick % model.holds.length]?.id ?? id;
  const original = model.transfers[pick % model.answered]?.id ?? id;
  const decimal = `0.${String(amount).padStart(2, '0')}`;
  const placing = {
    ...{ id, account: payer.id, to: payee.id, amount: BigInt(amount), currency: 'USD', description: null },
    expiresIn: kind === 'due hold' ? 0 : 3_600,
  };
  const capture = { id, hold, amount: decimal, read: parseAmount, to: undefined };
  const reversal = { id, of: original, amount: decimal, read: parseAmount, reason: null };
  const rules: Record<Exclude<Step['kind'], 'transfer'>, (state: LedgerState) => Decision> = {
    hold: (state) => decideHold(state, placing, request),
    'due hold': (state) => decideHold(state, placing, request),
    capture: (state) => decideCapture(state, capture, request),
    void: (state) => decideVoid(state, hold, request),
    expire: (state) => decideExpiry(state, hold, payer.id, ROOT_CONTEXT),
    reverse: (state) => decideReversal(state, reversal, request),
  };
  if (kind === 'transfer') return transferCommand(payer, payee, BigInt(amount));
  const named = { accounts: [payer.id, payee.id], limitsOf: [payer.id], holds: [hold], reversalsOf: [original] };
  return { id, kind: 'model', context: ROOT_CONTEXT, ...named, decide: rules[kind] };
}

test('any holds, captures, voids, expiries, transfers and reversals, many in a batch, end as in a model', async () => {
  const step: fc.Arbitrary<Step> = fc.record({
    kind: fc.constantFrom(...kinds),
    amount: fc.integer({ min: 1, max: 60 }),
    pick: fc.nat(7),
  });
  const batches = fc.array(fc.array(step, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(batches, async (all) => {
      const parties = { payer: await ledger.open({ posted: 100n }), payee: await ledger.open() };
      const model: Model = { payer: 100, payee: 0, holds: [], transfers: [], answered: 0 };
      for (const batch of all) {
        model.answered = model.transfers.length;
        const submitted = batch.flatMap((one) => {
          const command = commandFor(one, model, parties, newUuid());
          const expected = modelAnswer(model, one, command.id);
          return expected === 0 ? [] : [{ expected, answer: engine.submit(command) }];
        });
        const statuses = await Promise.all(submitted.map(async ({ answer }) => (await answer).status));
        expect(statuses).toEqual(submitted.map(({ expected }) => expected));
      }
      const ids = [parties.payer.id, parties.payee.id];
      const accounts = ledger.db.selectFrom('ledger_accounts').select(['id', 'posted', 'held']);
      const rows = await accounts.where('id', 'in', ids).execute();
      expect(rows.sort((one) => (one.id === parties.payer.id ? -1 : 1))).toEqual([
        { id: ids[0], posted: BigInt(model.payer), held: BigInt(model.payer - available(model)) },
        { id: ids[1], posted: BigInt(model.payee), held: 0n },
      ]);
    }),
    { numRuns: 60 },
  );
  expect(await brokenInvariants(ledger.db)).toEqual([]);
});
