import { eventually } from '@florin/testing';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { movementCommand } from '../testing/movement.ts';
import { startTestLedger, type TestLedger } from '../testing/test-ledger.ts';
import { verifySeals } from '../verification/verify-seals.ts';
import { sealKey } from './seal-key.ts';
import { startSealing } from './start-sealing.ts';

const key = sealKey(Buffer.alloc(32, 7));
const lines: { message: string; fields: object }[] = [];
const note = (fields: object, message: string) => void lines.push({ fields, message });
const logger = { info: note, warn: note } as unknown as Parameters<typeof startSealing>[1]['logger'];
let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startTestLedger();
});
afterAll(() => ledger.close());

async function counts(): Promise<{ transactions: number; sealed: number; different: number }> {
  const { rows } = await sql<{ transactions: number; sealed: number; different: number }>`
    select (select count(*)::int from transactions) as transactions, count(*)::int as sealed,
      count(distinct member)::int as different
    from ledger_seals cross join unnest(members) as member`.execute(ledger.db);
  return rows[0] ?? { transactions: 0, sealed: 0, different: 0 };
}

describe('the sealing job', () => {
  test('seals everything once while replicas post and two of them seal', async () => {
    const accounts = await Promise.all(Array.from({ length: 6 }, () => ledger.open({ posted: 1_000_000n })));
    const replicas = [ledger.engine({ lanes: 3, maxBatch: 8 }), ledger.engine({ lanes: 3, maxBatch: 8 })];
    const jobs = [1, 2].map(() => startSealing(ledger.db, { intervalMs: 20, key, logger }));
    const posted = Array.from({ length: 600 }, (_, index) => {
      const [from, to] = [accounts[index % 6], accounts[(index + 1 + (index % 4)) % 6]];
      return replicas[index % 2]?.submit(movementCommand(from?.id ?? '', to?.id ?? '', 1n));
    });
    await Promise.all(posted);
    await eventually(async () => expect(await counts()).toEqual({ transactions: 600, sealed: 600, different: 600 }), {
      timeoutMs: 18_000,
    });
    await Promise.all(jobs.map((job) => job.close()));
    const verdict = await ledger.db.transaction().execute((tx) => verifySeals(tx, new Set([key.name])));
    expect(verdict).toMatchObject({ sealed: 600 });
    expect(verdict.flaw).toBeUndefined();
    expect(lines.filter((line) => line.message === 'transactions sealed')).toHaveLength(verdict.seals);
  });

  test('says that it failed, and goes on', async () => {
    lines.length = 0;
    const [a, b] = [await ledger.open({ posted: 10n }), await ledger.open()];
    await ledger.engine().submit(movementCommand(a.id, b.id, 1n));
    let broken = true;
    const failing = {
      ...key,
      sign: (message: Buffer) => {
        if (broken) throw new Error('the key is away');
        return key.sign(message);
      },
    };
    const job = startSealing(ledger.db, { intervalMs: 20, key: failing, logger });
    const saw = (message: string) =>
      eventually(async () => expect(lines.map((line) => line.message)).toContain(message), { timeoutMs: 18_000 });
    await saw('transactions could not be sealed');
    expect((await counts()).sealed).toBe(600);
    broken = false;
    await saw('transactions sealed');
    await job.close();
    expect((await counts()).sealed).toBe(601);
  });
});
