import type { CloudEvent } from '@florin/contracts';
import { unpackEvents } from '@florin/database';
import { formatId, newUuid } from '@florin/service';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brokenInvariants, startTestLedger, type TestLedger, transferCommand } from '../testing/test-ledger.ts';
import type { Command } from './command.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startTestLedger();
});
afterAll(() => ledger.close());

const balanceOf = async (id: string) => {
  const row = await ledger.db.selectFrom('ledger_accounts').select('posted').where('id', '=', id).executeTakeFirst();
  return row?.posted;
};

describe('idempotency', () => {
  test('the same key with another fingerprint is refused, in the same batch and later', async () => {
    const engine = ledger.engine({ lanes: 1 });
    const [a, b] = [await ledger.open({ posted: 1000n }), await ledger.open()];
    const first = engine.submit(transferCommand(a, b, 10n, { key: 'reused', fingerprint: 'x' }));
    const other = engine.submit(transferCommand(a, b, 20n, { key: 'reused', fingerprint: 'y' }));
    await expect(other).rejects.toMatchObject({ code: 'idempotency_key_reused' });
    expect((await first).status).toBe(201);
    const later = engine.submit(transferCommand(a, b, 20n, { key: 'reused', fingerprint: 'y' }));
    await expect(later).rejects.toMatchObject({ code: 'idempotency_key_reused' });
    expect(await balanceOf(b.id)).toBe(10n);
  });

  test('a money rule’s no is kept, a 404 leaves the key unused', async () => {
    const engine = ledger.engine();
    const [a, b] = [await ledger.open(), await ledger.open()];
    const refused = await engine.submit(transferCommand(a, b, 10n, { key: 'poor' }));
    await sql`update ledger_accounts set posted = 10 where id = ${a.id}`.execute(ledger.db);
    expect(await engine.submit(transferCommand(a, b, 10n, { key: 'poor' }))).toEqual({ ...refused, replayed: true });
    expect(refused.status).toBe(422);

    const stranger = { id: newUuid(), ownerId: a.ownerId };
    await expect(engine.submit(transferCommand(stranger, b, 10n, { key: 'free' }))).rejects.toMatchObject({
      code: 'not_found',
    });
    expect((await engine.submit(transferCommand(a, b, 10n, { key: 'free' }))).status).toBe(201);
  });
});

describe('a batch', () => {
  test.each([3, 30])('of %i leaves an event for each transaction in the outbox, in order', async (count) => {
    const engine = ledger.engine({ lanes: 1 });
    const [a, b] = [await ledger.open({ posted: 100n }), await ledger.open()];
    await ledger.db.deleteFrom('outbox').execute();
    const commands = Array.from({ length: count }, () => transferCommand(a, b, 1n));
    await Promise.all(commands.map((command) => engine.submit(command)));
    const rows = await ledger.db.selectFrom('outbox').selectAll().orderBy('position').execute();
    const events = rows.flatMap(({ event, packed }) =>
      packed === null ? [event as CloudEvent] : unpackEvents({ zstd: packed }),
    );
    expect(events.map(({ subject }) => subject)).toEqual(commands.map(({ id }) => formatId('txn', id)));
    expect(rows.reduce((sum, { size }) => sum + size, 0)).toBe(count);
    expect(rows.some(({ packed }) => packed !== null)).toBe(count === 30);
  });

  test('lets each command see those before it', async () => {
    const engine = ledger.engine({ lanes: 1 });
    const [a, b, c] = [await ledger.open({ posted: 100n }), await ledger.open(), await ledger.open()];
    const answers = await Promise.all([
      engine.submit(transferCommand(a, b, 100n)),
      engine.submit(transferCommand(b, c, 60n)),
      engine.submit(transferCommand(a, c, 1n)),
      engine.submit(transferCommand(b, c, 40n)),
    ]);
    expect(answers.map((answer) => answer.status)).toEqual([201, 201, 422, 201]);
    expect(await balanceOf(c.id)).toBe(100n);
  });

  test.each<[string, (command: Command) => Command]>([
    ['whose rule throws', (command) => ({ ...command, decide: () => raise('boom') })],
    [
      'whose rule makes money',
      (command) => ({
        ...command,
        decide: (state) => {
          const decision = command.decide(state);
          if (decision.outcome !== 'applied') return decision;
          const [transaction] = decision.transactions;
          if (!transaction) return decision;
          const entries = transaction.entries.slice(1);
          return { ...decision, transactions: [{ ...transaction, entries }] };
        },
      }),
    ],
  ])('is not harmed by a command %s', async (_, poison) => {
    const engine = ledger.engine({ lanes: 1 });
    const [a, b] = [await ledger.open({ posted: 100n }), await ledger.open()];
    const results = await Promise.allSettled([
      ...Array.from({ length: 7 }, () => engine.submit(transferCommand(a, b, 1n))),
      engine.submit(poison(transferCommand(a, b, 1n))),
      ...Array.from({ length: 7 }, () => engine.submit(transferCommand(a, b, 1n))),
    ]);
    expect(results.map((result) => result.status)).toEqual([
      ...Array(7).fill('fulfilled'),
      'rejected',
      ...Array(7).fill('fulfilled'),
    ]);
    expect(await balanceOf(b.id)).toBe(14n);
  });
});

test('what the database keeps is what was answered, and every invariant holds', async () => {
  const engine = ledger.engine();
  const [a, b] = [await ledger.open(), await ledger.open()];
  await sql`update ledger_accounts set floor = null where id = ${a.id}`.execute(ledger.db);
  const command = transferCommand(a, b, 5n, { key: 'kept' });
  const answer = await engine.submit(command);
  const { rows } = await sql<{ body: string; status: number }>`
    select body, status from idempotency_keys where key = 'kept'`.execute(ledger.db);
  expect(rows).toEqual([{ body: answer.body, status: 201 }]);
  const stored = await ledger.db.selectFrom('transactions').selectAll().where('id', '=', command.id).executeTakeFirst();
  expect(stored).toMatchObject({ type: 'transfer', amount: 5n, debit_account_id: a.id, credit_account_id: b.id });
  const wrong = await brokenInvariants(ledger.db);
  expect(wrong.filter((row) => JSON.stringify(row).includes(command.id))).toEqual([]);
});

function raise(message: string): never {
  throw new Error(message);
}
