import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CuttingProxy, startCuttingProxy } from '../testing/cutting-proxy.ts';
import {
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

describe('a process that stands still within a batch', () => {
  test('has lost its connection when it goes on, and does the batch again', async () => {
    // By the proxy: what the server has said last would else be lost by the reset of the connection.
    const database = { ...engineOptions(proxy.url).database, queryTimeoutMs: 1_000 };
    const engine = ledger.engine({ database, deadlineMs: 20_000 });
    const command = transferCommand(a, b, 1n);
    const before = await received();
    let stops = 1;
    const { status } = await engine.submit({
      ...command,
      decide: (state) => {
        // As SIGSTOP does, for longer than the server lets a transaction be idle.
        if (stops-- > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
        return command.decide(state);
      },
    });
    expect(status).toBe(201);
    expect(await received()).toBe(before + 1n);
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
