import { randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@florin/testing';
import { startBankReads } from './bank-reads.ts';
import { depositCall } from './calls.ts';
import { faultsOf } from './fault-kinds.ts';
import { History } from './history.ts';
import { allViolations, type Evidence } from './invariants.ts';
import { errorLines } from './logs.ts';
import { startNemesis } from './nemesis.ts';
import { Random } from './random.ts';
import { untilAtRest } from './rest.ts';
import { markRows, type RowMark, transactionNumber } from './row-mark.ts';
import { withClient } from './servers.ts';
import { closedCurrency, type Stage } from './stage.ts';
import { type Target, Teller } from './teller.ts';
import { batches, deposits, type Flow, holds, refunds, transfers } from './workload.ts';

/** How much is asked of the bank. */
export interface FaultRunOptions {
  /** Decides calls and faults; how they meet in time it can't. */
  readonly seed: number;
  /** So many transactions are acknowledged at least, and every fault has struck once at least. */
  readonly transfers: number;
  print(line: string): void;
}

/** What came of it. */
export interface FaultReport {
  /** Broken invariants, in words; empty when every promise was kept. */
  readonly violations: string[];
  /** Its history is in a temporary folder, which the caller removes. */
  readonly evidence: Evidence;
  readonly acknowledged: number;
  readonly failed: number;
  readonly unknown: number;
  readonly replays: number;
  /** Reads of the whole bank during the faults. */
  readonly reads: number;
  /** By target and kind. */
  readonly faults: ReadonlyMap<string, number>;
  /** What clients were answered, and how often. */
  readonly answers: ReadonlyMap<string, number>;
  /** What the processes logged as errors, and how often; for people. */
  readonly errors: ReadonlyMap<string, number>;
}

const renewTokensEveryMs = 300_000;
const fundingMinorUnits = 100_000_000;
const patienceMs = 180_000;
const batchSize = 400;

/** Clients at work straight at the replicas and through the gateway. */
const clients: readonly { flow: Flow; straight: number; gateway: number }[] = [
  { flow: batches, straight: 5, gateway: 1 },
  { flow: transfers, straight: 4, gateway: 2 },
  { flow: holds, straight: 2, gateway: 1 },
  { flow: refunds, straight: 2, gateway: 1 },
  { flow: deposits, straight: 0, gateway: 1 },
];

/** A run under way. */
interface Run {
  readonly stage: Stage;
  /** Begins every key, so that another run on the same stage has others. */
  readonly name: string;
  readonly history: History;
  readonly random: Random;
  isEnough(): boolean;
  print(line: string): void;
  /** Acknowledged transactions after which rows are remembered, to see later that they have not changed. */
  readonly markAfter: number;
  mark: RowMark | undefined;
}

/** Lets clients work and faults strike until enough was acknowledged, then looks at all invariants. */
export async function runFaults(stage: Stage, { seed, transfers: goal, print }: FaultRunOptions): Promise<FaultReport> {
  const folder = mkdtempSync(join(tmpdir(), 'florin-history-'));
  const history = new History(join(folder, 'history.jsonl'));
  const random = new Random(seed);
  const name = randomUUID().slice(0, 8);
  print(`seed ${seed}`);
  const since = await withClient(stage.servers.database.url, transactionNumber);
  await fund(stage, tellerOf([stage.gateway], history, random.fork()), name);
  const reads = await startBankReads({
    databaseUrl: stage.servers.database.url,
    urls: [...stage.ledgers, stage.gateway].map(({ url }) => url),
    operator: stage.admin,
    closedCurrency,
  });
  const startedAt = Date.now();
  const nemesis = startNemesis(faultsOf(stage, random.fork()), { random: random.fork(), atOnce: 2, print });
  const isEnough = () => {
    const enough = history.acknowledged >= goal && nemesis.rounds() >= 1;
    if (enough) nemesis.tire();
    return enough;
  };
  const run: Run = { stage, name, history, random, isEnough, print, markAfter: goal / 3, mark: undefined };
  await work(run).finally(() => nemesis.stop());
  await reads.stop();
  await history.close();
  print(`${history.acknowledged} acknowledged in ${secondsSince(startedAt)} s`);
  // Consumers may be behind by as much as there was to do.
  const drainSeconds = await untilAtRest(stage, patienceMs + goal);
  print(`all events consumed ${drainSeconds.toFixed(1)} s after the last fault`);
  const checkedFrom = Date.now();
  const evidence = { history: history.file, since, mark: run.mark };
  const violations = [
    ...nemesis.failures,
    ...history.violations,
    ...reads.violations,
    ...(await allViolations(stage, evidence)),
  ];
  print(`all invariants looked at in ${secondsSince(checkedFrom)} s`);
  const { acknowledged, failed, unknown, replays, answers } = history;
  const counts = { acknowledged, failed, unknown, replays, reads: reads.counts.sql + reads.counts.trialBalance };
  return { violations, evidence, ...counts, faults: nemesis.struck, answers, errors: errorLines(stage) };
}

function secondsSince(start: number): string {
  return ((Date.now() - start) / 1000).toFixed(1);
}

/** Everybody gets money, as deposits of the same history. */
async function fund(stage: Stage, teller: Teller, name: string): Promise<void> {
  const all = [...stage.accounts, ...stage.depositAccounts];
  await Promise.all(
    all.map((account, index) => teller.settle(depositCall(`${name}-funding-${index}`, account, fundingMinorUnits), 0)),
  );
  await eventually(
    () =>
      withClient(stage.servers.database.url, async (client) => {
        const { rows } = await client.query("select 1 from transactions.payments where status <> 'posted' limit 1");
        if (rows.length > 0) throw new Error('Not all have their money yet.');
      }),
    { timeoutMs: 60_000, intervalMs: 100 },
  );
}

/** Lets all clients work until enough is done, and looks after the run meanwhile. */
async function work(run: Run): Promise<void> {
  const { stage, history, random, isEnough } = run;
  const ways = { straight: stage.ledgers, gateway: [stage.gateway, ...stage.ledgers] };
  let broken = false;
  const client = async (flow: Flow, way: keyof typeof ways, name: string) => {
    const own = random.fork();
    let count = 0;
    const context = {
      teller: tellerOf(ways[way], history, own.fork()),
      random: own,
      accounts: stage.accounts,
      depositAccounts: stage.depositAccounts,
      batchSize,
      newKey: () => `${run.name}-${name}-${count++}`,
      first: () => (way === 'gateway' ? 0 : own.between(0, 1)),
    };
    try {
      while (!isEnough() && !broken) await flow(context);
    } catch (error) {
      broken = true;
      history.violations.push(error instanceof Error ? error.message : String(error));
    }
  };
  const working = clients.flatMap(({ flow, straight, gateway }) => [
    ...Array.from({ length: straight }, (_, index) => client(flow, 'straight', `${flow.name}-${index}`)),
    ...Array.from({ length: gateway }, (_, index) => client(flow, 'gateway', `${flow.name}-g${index}`)),
  ]);
  const over = new AbortController();
  const chores = [
    every(renewTokensEveryMs, over.signal, () => stage.renewTokens()),
    every(10_000, over.signal, async () => run.print(`${history.acknowledged} acknowledged`)),
    every(1000, over.signal, async () => {
      if (run.mark === undefined && history.acknowledged > run.markAfter) {
        run.mark = await withClient(stage.servers.database.url, markRows);
      }
    }),
  ];
  await Promise.all(working);
  over.abort();
  await Promise.all(chores);
}

/** Does something now and then until the signal; sooner again where it has failed. */
async function every(ms: number, over: AbortSignal, chore: () => Promise<void>): Promise<void> {
  let wait = ms;
  while (!over.aborted) {
    await sleep(wait, undefined, { signal: over }).catch(() => {});
    if (over.aborted) return;
    wait = await chore().then(
      () => ms,
      () => Math.min(ms, 5000),
    );
  }
}

function tellerOf(targets: readonly Target[], history: History, random: Random): Teller {
  return new Teller({ history, random, targets, timeoutMs: 6000, patienceMs, replayShare: 0.03 });
}
