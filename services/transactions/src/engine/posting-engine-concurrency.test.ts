import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  brokenInvariants,
  type OpenAccount,
  startTestLedger,
  type TestLedger,
  transferCommand,
} from '../testing/test-ledger.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startTestLedger();
});
afterAll(() => ledger.close());

async function openAccounts(count: number, posted: bigint): Promise<OpenAccount[]> {
  return await Promise.all(Array.from({ length: count }, () => ledger.open({ posted })));
}

async function balances(accounts: readonly OpenAccount[]): Promise<bigint[]> {
  const rows = await ledger.db.selectFrom('ledger_accounts').select(['id', 'posted']).execute();
  const byId = new Map(rows.map((row) => [row.id, row.posted]));
  return accounts.map((account) => byId.get(account.id) ?? 0n);
}

interface Wish {
  from: number;
  to: number;
  amount: number;
  /** Submitted a second time with the same key, in the same breath. */
  again: boolean;
}

/** What the rule should say; moves the money in the model when it says yes. */
function modelAnswer(model: number[], { from, to, amount }: Wish): 201 | 422 {
  if (from === to || (model[from] ?? 0) < amount) return 422;
  model[from] = (model[from] ?? 0) - amount;
  model[to] = (model[to] ?? 0) + amount;
  return 201;
}

test('any sequence of transfers ends as in a model that keeps balances in a list', async () => {
  const engine = ledger.engine({ lanes: 1 });
  const wish: fc.Arbitrary<Wish> = fc.record({
    from: fc.nat(3),
    to: fc.nat(3),
    amount: fc.integer({ min: 1, max: 150 }),
    again: fc.boolean(),
  });
  const batches = fc.array(fc.array(wish, { minLength: 1, maxLength: 12 }), { maxLength: 4 });
  const run = async (accounts: readonly OpenAccount[], batch: readonly Wish[], place: number) => {
    const commands = batch.flatMap((one, index) => {
      const [payer, payee] = [accounts[one.from], accounts[one.to]];
      if (!payer || !payee) return [];
      const command = transferCommand(payer, payee, BigInt(one.amount), { key: `${payer.id} ${place} ${index}` });
      return one.again ? [command, command] : [command];
    });
    const answers = await Promise.all(commands.map((command) => engine.submit(command)));
    return answers.map((answer) => answer.status);
  };
  await fc.assert(
    fc.asyncProperty(batches, async (wishes) => {
      const accounts = await openAccounts(4, 100n);
      const model = [100, 100, 100, 100];
      for (const [place, batch] of wishes.entries()) {
        const expected = batch.flatMap((one) => Array(one.again ? 2 : 1).fill(modelAnswer(model, one)));
        expect(await run(accounts, batch, place)).toEqual(expected);
      }
      expect(await balances(accounts)).toEqual(model.map(BigInt));
    }),
    { numRuns: 25 },
  );
  expect(await brokenInvariants(ledger.db)).toEqual([]);
});

test('clocks that disagree never make an account’s entries go back in time', async () => {
  const [a, b] = await openAccounts(2, 100n);
  if (!a || !b) throw new Error('No accounts');
  const ahead = ledger.engine({ clock: () => new Date('2030-01-01T00:00:00.000Z') });
  const behind = ledger.engine({ clock: () => new Date('2029-12-31T23:59:59.000Z') });
  await ahead.submit(transferCommand(a, b, 1n));
  await behind.submit(transferCommand(a, b, 1n));
  const entries = await ledger.db
    .selectFrom('entries')
    .select('created_at')
    .where('account_id', '=', a.id)
    .orderBy('version')
    .execute();
  expect(entries.map((entry) => entry.created_at.toISOString())).toEqual(Array(2).fill('2030-01-01T00:00:00.000Z'));
});
