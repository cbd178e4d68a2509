import { setTimeout as sleep } from 'node:timers/promises';
import { type TestIssuer, testIssuer } from '@florin/auth/testing';
import type { Server } from '@florin/service';
import { createLogger } from '@florin/telemetry';
import { buildApp } from '../app.ts';
import type { PostingEngine } from '../engine/posting-engine.ts';
import { expireHold } from '../holds/expire-holds.ts';
import { dueHolds } from '../holds/hold-queries.ts';
import { startCuttingProxy } from '../testing/cutting-proxy.ts';
import { noDeliveries } from '../testing/no-deliveries.ts';
import { engineOptions, type OpenLane, openLane, startTestLedger, type TestLedger } from '../testing/test-ledger.ts';
import { ensureFeesAccounts, toTransferPolicy } from '../transfers/transfer-policy.ts';
import { type AcknowledgedTransaction, historyViolations, ledgerViolations } from './invariants.ts';
import type { Answer, Request } from './messages.ts';
import { type Nemesis, startNemesis } from './nemesis.ts';
import { settings } from './policy.ts';
import { type ProviderWord, providers, webhookOf } from './provider.ts';

/** The service as several replicas over one database, each with an engine of its own, in a time of its own. */
export interface RealBank {
  readonly ledger: TestLedger;
  readonly issuer: TestIssuer;
  /** All transactions that its clients were told of; they write them down. */
  readonly acknowledged: AcknowledgedTransaction[];
  /** Stands still until somebody moves it on. */
  now: Date;
  /** What can befall the way from replica 0 to the database, and everybody's connections to it. */
  readonly nemesis: Nemesis;
  /** Sends a request to one of the replicas, and again to the other while the outcome is unknown. */
  send(replica: number, request: Request): Promise<Answer>;
  /** Brings a provider's word on a payment, by its webhook, through one of the replicas. */
  report(replica: number, word: ProviderWord): Promise<Answer>;
  /** Lets the holds expire whose time is up, through one of the replicas. */
  expire(replica: number): Promise<void>;
  close(): Promise<void>;
}

interface Replica {
  readonly app: Server;
  readonly engine: PostingEngine;
}

const logger = createLogger({ service: 'transactions', level: 'silent' });
const tries = 50;
// Long ago: a search of hours does not come as far as the ids, which are made from the real time.
const start = new Date('2000-01-01T12:00:00.000Z');

/**
 * Runs on one bank after the other: a new one follows a run that failed, so that what is wrong in its books is not found
 * again in the runs by which a failure is made smaller. After each run all invariants must hold.
 */
export async function startBanks(lane: OpenLane = openLane): Promise<{
  run(work: (bank: RealBank) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}> {
  let bank = await startRealBank(lane);
  return {
    async run(work) {
      try {
        await work(bank);
        await bank.expire(0);
        const { db } = bank.ledger;
        const inBooks = await ledgerViolations(db, bank.now);
        const broken = [...inBooks, ...(await historyViolations(db, bank.acknowledged))];
        if (broken.length > 0) throw new Error(`Broken invariants: ${JSON.stringify(broken)}`);
      } catch (error) {
        await bank.close();
        bank = await startRealBank(lane);
        throw error;
      }
    },
    close: () => bank.close(),
  };
}

/** Starts one with two replicas, whose engines differ in size; the first one's way to the database is breakable. */
export async function startRealBank(lane: OpenLane = openLane): Promise<RealBank> {
  const ledger = await startTestLedger();
  const proxy = await startCuttingProxy(ledger.database.url);
  const nemesis = startNemesis(ledger.database.adminUrl, proxy);
  const issuer = testIssuer();
  const policy = toTransferPolicy(settings);
  await ensureFeesAccounts(ledger.db, policy);
  const clock = () => bank.now;
  const { database } = engineOptions(proxy.url);
  const replicas = [{ lanes: 2, maxBatch: 5, database }, { lanes: 3 }].map((size): Replica => {
    const engine = ledger.engine({ ...size, clock, deadlineMs: 20_000 }, lane);
    const access = { db: ledger.db, engine, logger };
    const payments = { access, providers, wake: () => {}, close: async () => {} };
    const tokens = { keys: issuer.keys, tokenIssuer: issuer.issuer };
    return { engine, app: buildApp({ ...access, payments, deliveries: noDeliveries, policy, clock, ...tokens }) };
  });
  const bank: RealBank = {
    ledger,
    issuer,
    acknowledged: [],
    now: start,
    nemesis,
    send: (number, request) => send([...replicas, ...replicas].slice(number % 2), request),
    report: (number, word) => bank.send(number, webhookOf(word)),
    expire: (number) => expireAll(bank, replicas[number % 2]?.engine),
    async close() {
      for (const { app } of replicas) await app.close();
      // Its connection is to the database that the ledger takes with it.
      await nemesis.close();
      await ledger.close();
      await proxy.close();
    },
  };
  return bank;
}

async function send([first, second]: readonly Replica[], request: Request): Promise<Answer> {
  const { method, url, token, key, headers, body } = request;
  const all = {
    ...headers,
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(key !== undefined && { 'idempotency-key': key }),
  };
  for (let attempt = 1; attempt <= tries; attempt++) {
    const app = (attempt % 2 === 1 ? first : second)?.app;
    const response = await app?.inject({ method, url, headers: all, ...(body !== undefined && { payload: body }) });
    const isDefinite = response && response.statusCode !== 503 && !response.body.includes('idempotency_in_progress');
    if (isDefinite) return { status: response.statusCode, text: response.body };
    await sleep(50);
  }
  throw new Error(`${method} ${url} had no definite outcome in ${tries} tries`);
}

/** As the worker does it, but until none is due. */
async function expireAll({ ledger, now }: RealBank, engine: PostingEngine | undefined): Promise<void> {
  for (let attempt = 1; engine && attempt <= tries; attempt++) {
    const due = await dueHolds(ledger.db, now, 100, []);
    if (due.length === 0) return;
    await Promise.allSettled(due.map((hold) => expireHold(engine, hold)));
  }
  throw new Error(`Holds are still due after ${tries} tries`);
}
