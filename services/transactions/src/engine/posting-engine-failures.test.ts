import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CuttingProxy, startCuttingProxy } from '../testing/cutting-proxy.ts';
import {
  brokenInvariants,
  engineOptions,
  type OpenAccount,
  startTestLedger,
  type TestLedger,
  transferCommand,
} from '../testing/test-ledger.ts';
import type { PostingEngine } from './posting-engine.ts';

let ledger: TestLedger;
let proxy: CuttingProxy;
let a: OpenAccount;
let b: OpenAccount;
beforeAll(async () => {
  ledger = await startTestLedger();
  proxy = await startCuttingProxy(ledger.database.url);
  [a, b] = [await ledger.open({ posted: 1_000_000n }), await ledger.open()];
});
afterAll(async () => {
  proxy.away = false;
  await ledger.close();
  await proxy.close();
});

const received = async () => {
  const row = await ledger.db.selectFrom('ledger_accounts').select('posted').where('id', '=', b.id).executeTakeFirst();
  return row?.posted ?? 0n;
};

function proxied(deadlineMs = 4_000): PostingEngine {
  const { database } = engineOptions(proxy.url);
  return ledger.engine({ database, deadlineMs });
}

describe.each(['before-commit', 'after-commit'] as const)('a connection lost %s', (cut) => {
  test('is found out: every command has its effect once and its own answer', async () => {
    const engine = proxied();
    const before = await received();
    const cuts = proxy.cuts;
    proxy.cut(cut, 3);
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        engine.submit(transferCommand(a, b, 1n, index % 2 === 0 ? { key: `${cut} ${index}` } : {})),
      ),
    );
    // A batch that was committed is found the next time and needs no further commit.
    expect(proxy.cuts - cuts).toBeGreaterThanOrEqual(cut === 'before-commit' ? 3 : 1);
    expect(answers.every((answer) => answer.status === 201 && !answer.replayed)).toBe(true);
    expect(await received()).toBe(before + 60n);
    expect(await brokenInvariants(ledger.db)).toEqual([]);
  });

  test('is a 503, never a success or a refusal, when it cannot be found out in time; the key then tells', async () => {
    const before = await received();
    const command = () => transferCommand(a, b, 1n, { key: `unknown ${cut}` });
    proxy.cut(cut, 1, true);
    await expect(proxied(300).submit(command())).rejects.toMatchObject({ code: 'upstream_unavailable' });
    proxy.away = false;
    const told = await proxied().submit(command());
    expect(told).toMatchObject({ status: 201, replayed: cut === 'after-commit' });
    expect(await received()).toBe(before + 1n);
  });
});

describe('a database that is away', () => {
  test('is waited for until the deadline; then the command has not happened', async () => {
    const engine = proxied(400);
    const before = await received();
    proxy.away = true;
    const refused = engine.submit(transferCommand(a, b, 1n, { key: 'away' }));
    await expect(refused).rejects.toMatchObject({ code: 'upstream_unavailable', retryAfterSeconds: 1 });
    proxy.away = false;
    expect(await engine.submit(transferCommand(a, b, 1n, { key: 'away' }))).toMatchObject({ replayed: false });
    expect(await received()).toBe(before + 1n);
  });

  test('costs nothing when it comes back in time', async () => {
    const engine = proxied();
    await engine.submit(transferCommand(a, b, 1n));
    proxy.away = true;
    const waiting = engine.submit(transferCommand(a, b, 1n));
    setTimeout(() => {
      proxy.away = false;
    }, 500);
    expect((await waiting).status).toBe(201);
  });
});

describe('overload', () => {
  test('commands beyond the queue are refused at once', async () => {
    const engine = ledger.engine({ maxQueue: 10, lanes: 1 });
    const before = await received();
    const results = await Promise.allSettled(
      Array.from({ length: 30 }, () => engine.submit(transferCommand(a, b, 1n))),
    );
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused).toHaveLength(20);
    expect(refused[0]).toMatchObject({ reason: { code: 'upstream_unavailable' } });
    expect(await received()).toBe(before + 10n);
  });

  test('a command whose deadline passed in the queue is refused and does not run', async () => {
    const engine = ledger.engine({ lanes: 1, deadlineMs: 100 });
    const before = await received();
    const block = await ledger.db.startTransaction().execute();
    await block.selectFrom('ledger_accounts').select('id').where('id', '=', a.id).forUpdate().execute();
    const running = engine.submit(transferCommand(a, b, 1n));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const queued = engine.submit(transferCommand(a, b, 1n));
    queued.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 200));
    await block.rollback().execute();
    expect((await running).status).toBe(201);
    await expect(queued).rejects.toMatchObject({ code: 'upstream_unavailable' });
    expect(await received()).toBe(before + 1n);
  });

  test('closing answers all who wait and takes no more', async () => {
    const engine = ledger.engine({ maxBatch: 5 });
    const waiting = Array.from({ length: 50 }, () => engine.submit(transferCommand(a, b, 1n)));
    const closed = engine.close();
    await expect(engine.submit(transferCommand(a, b, 1n))).rejects.toMatchObject({ code: 'upstream_unavailable' });
    const answers = await Promise.all(waiting);
    await closed;
    expect(answers.every((answer) => answer.status === 201)).toBe(true);
  });
});
