import { randomUUID } from 'node:crypto';
import { appendFileSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@florin/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { batchCall } from './calls.ts';
import { allViolations, connectionViolations, type Evidence } from './invariants.ts';
import { untilAtRest } from './rest.ts';
import { runFaults } from './run-faults.ts';
import { withClient } from './servers.ts';
import { type Stage, startStage } from './stage.ts';
import { sendOnce, startSteadyLoad } from './steady-load.ts';

let stage: Stage;
let evidence: Evidence | undefined;
beforeAll(async () => {
  stage = await startStage();
}, 180_000);
afterAll(async () => {
  if (evidence !== undefined) rmSync(dirname(evidence.history), { recursive: true });
  await stage?.stop();
});

const print = (line: string) => process.stdout.write(`faults: ${line}\n`);
/** Bounds of time hold for a machine that has a core to spare; in proportion where other work competes for it. */
const slowness = () => Math.max(1, (loadavg()[0] ?? 0) / availableParallelism());

describe('a hundred thousand transfers while everything breaks', { timeout: 900_000 }, () => {
  test('none that was acknowledged is lost or doubled, and all invariants hold', async () => {
    const seed = Number(process.env.FLORIN_FAULTS_SEED ?? Math.floor(Math.random() * 2 ** 32));
    const { violations, ...report } = await runFaults(stage, { seed, transfers: 100_000, print });
    for (const [name, count] of report.faults) print(`${count} × ${name}`);
    for (const [answer, count] of report.answers) print(`answer ${answer}: ${count}`);
    const { acknowledged, failed, unknown, replays, reads } = report;
    print(JSON.stringify({ acknowledged, failed, unknown, replays, reads }));
    expect(violations, `seed ${seed}, history ${report.evidence.history}`).toEqual([]);
    evidence = report.evidence;
    expect(acknowledged).toBeGreaterThanOrEqual(100_000);
    // A run in which nothing broke would have shown nothing.
    expect(Math.min(...report.faults.values())).toBeGreaterThan(0);
    expect(unknown).toBeGreaterThan(0);
    expect(reads).toBeGreaterThan(20);
  });
});

function steadyLoad(url: string, more: { isWanted?: () => boolean } = {}) {
  const [from, to] = stage.accounts;
  if (from === undefined || to === undefined) throw new Error('There are no accounts.');
  return startSteadyLoad({ url, from, to, clients: 4, pauseMs: 20, ...more });
}

describe('RabbitMQ and Redis', { timeout: 180_000 }, () => {
  test('frozen and killed: no request fails or takes 200 ms longer, and the events arrive afterwards', async () => {
    const { rabbitmq, redis } = stage.servers;
    await untilAtRest(stage, 60_000);
    const before = steadyLoad(stage.gateway.url);
    await sleep(1000);
    await before.stop();
    for (const server of [rabbitmq, redis]) if (server) process.kill(-server.current.pid, 'SIGSTOP');
    const during = steadyLoad(stage.gateway.url);
    await sleep(1500);
    await redis?.kill(500);
    await during.stop();
    const failed = (await Promise.all(Array.from({ length: 20 }, fillOutbox))).filter((one) => one !== undefined);
    await rabbitmq?.kill(0);
    const [waiting, backAt] = [await outboxSize(), performance.now()];
    await eventually(async () => expect(await outboxSize()).toBe(0), { timeoutMs: 90_000, intervalMs: 50 });
    const perSecond = (waiting / (performance.now() - backAt)) * 1000;
    print(`${waiting} events waited for RabbitMQ; the outbox drained at ${perSecond.toFixed(0)}/s`);
    await untilAtRest(stage, 90_000);
    const [usual, broken] = [percentile(before.times, 0.9), percentile(during.times, 0.9)];
    print(`transfers took ${usual.toFixed(0)} ms, then ${broken.toFixed(0)} ms (p90) of ${during.answers} answers`);
    expect([...during.failures, ...failed]).toEqual([]);
    expect(during.answers).toBeGreaterThan(20);
    expect(broken).toBeLessThan(usual + 200 * slowness());
  });
});

/** 500 transfers, so 500 events; what went wrong, if anything. */
async function fillOutbox(): Promise<string | undefined> {
  const [from, to] = stage.accounts;
  if (from === undefined || to === undefined) throw new Error('There are no accounts.');
  const orders = Array.from({ length: 500 }, () => ({ from, to, amount: 1 }));
  const { path, body } = batchCall(randomUUID(), from.owner, 'independent', orders);
  return await sendOnce(`${stage.ledgers[0].url}${path}`, from, body);
}

describe('a deploy', { timeout: 60_000 }, () => {
  test('SIGTERM of a replica of the ledger under load: no request fails, exit 0 within 10 s', async () => {
    const { replica } = stage;
    await replica.start();
    let wanted = true;
    const load = steadyLoad(replica.url, { isWanted: () => wanted });
    await sleep(500);
    const signalledAt = Date.now();
    const exit = replica.end('SIGTERM');
    // As a load balancer does: it asks for readiness, and sends no more once that is 503.
    await eventually(async () => {
      const { status } = await fetch(`${replica.url}/health/ready`);
      expect(status).toBe(503);
    });
    wanted = false;
    await load.stop();
    expect(await exit).toBe(0);
    expect(Date.now() - signalledAt).toBeLessThan(10_000);
    expect(load.failures).toEqual([]);
    expect(load.answers).toBeGreaterThan(10);
    await replica.start();
  });
});

describe('Postgres', { timeout: 60_000 }, () => {
  test('back after kill -9: transfers succeed within 5 s of its accepting connections', async () => {
    await stage.servers.postgres.kill(500);
    const acceptsAt = Date.now();
    const load = steadyLoad(stage.gateway.url);
    await eventually(() => expect(load.times.length).toBeGreaterThan(0), { timeoutMs: 30_000 });
    const seconds = (Date.now() - acceptsAt) / 1000;
    await load.stop();
    print(`the first transfer succeeded ${seconds.toFixed(2)} s after Postgres accepted connections`);
    expect(seconds).toBeLessThan(5 * slowness());
  });
});

describe('control', { timeout: 120_000 }, () => {
  const one = '(select id from transactions.transactions order by id limit 1)';
  const plants = [
    [`update transactions.entries set amount = amount + 1 where transaction_id = ${one}`, /^I1: /, /^I2: /, /^I3: /],
    ['update accounts.balances set posted = posted + 1', /^I9: the service accounts shows/],
    [
      `delete from notification.notifications where id = (select id from notification.notifications where topic = 'transaction.posted' limit 1)`,
      /^I9: \d+ notices/,
    ],
    [
      "update transactions.holds set status = 'active', captured_amount = 0 where id = (select id from transactions.holds limit 1)",
      /^I14: hold/,
    ],
    [
      'update transactions.idempotency_keys set status = null where (caller, key) = (select caller, key from transactions.idempotency_keys limit 1)',
      /^I14: key/,
    ],
  ] as const;

  test('what a superuser breaks at the end is named by each invariant', async () => {
    expect(evidence).toBeDefined();
    if (evidence === undefined) return;
    const { url } = stage.servers.database;
    await withClient(url, async (client) => {
      for (const [statement] of plants) await client.query(statement);
      await client.query('begin');
      await sleep(1200);
      expect(await withClient(url, (other) => connectionViolations(other, 0))).toEqual([
        expect.stringMatching(/^I15: .* is idle in transaction$/),
      ]);
      await client.query('rollback');
    });
    appendFileSync(stage.replica.logFile, `an error that nobody caught: ${stage.admin.password}\n`);
    // The transfers of the tests in between are in no history: I6, by the hundred.
    const found = (await allViolations(stage, evidence)).filter((text) => !text.startsWith('I6: '));
    const wanted = [
      ...plants.flatMap(([, ...patterns]) => patterns),
      /^I10: /,
      /^I12: /,
      /^I13: /,
      /^I16: .*nobody caught/,
      /^I16: .*secret/,
    ];
    for (const pattern of wanted) expect(found).toContainEqual(expect.stringMatching(pattern));
  });
});

async function outboxSize(): Promise<number> {
  return await withClient(stage.servers.database.url, async (client) => {
    const { rows } = await client.query<{ events: number }>(
      'select coalesce(sum(size), 0)::int as events from transactions.outbox',
    );
    return rows[0]?.events ?? 0;
  });
}

function percentile(times: readonly number[], share: number): number {
  return times.toSorted((one, other) => one - other)[Math.floor(times.length * share)] ?? 0;
}
