import { setTimeout as sleep } from 'node:timers/promises';
import { type TestIssuer, testIssuer } from '@florin/auth/testing';
import { newUuid, type Server } from '@florin/service';
import { createLogger } from '@florin/telemetry';
import { buildApp } from '../app.ts';
import { bringReport } from '../payments/end-payment.ts';
import { startPayments } from '../payments/start-payments.ts';
import { startTestLedger, type TestLedger } from '../testing/test-ledger.ts';
import { type AcknowledgedTransaction, historyViolations, ledgerViolations } from './invariants.ts';

/** The service as several replicas over one database, each with an engine of its own. */
export interface RealBank {
  readonly ledger: TestLedger;
  readonly issuer: TestIssuer;
  /** All transactions that its clients were told of; they write them down. */
  readonly acknowledged: AcknowledgedTransaction[];
  /** Sends a request to one of the replicas, and again to the other while the outcome is unknown. */
  send(replica: number, request: Request): Promise<Answer>;
  /** Brings a provider's word that a deposit has arrived, through one of the replicas. */
  settle(replica: number, deposit: Settled): Promise<void>;
  close(): Promise<void>;
}

export interface Request {
  readonly method: 'POST' | 'PUT';
  readonly url: string;
  readonly token: string;
  readonly key?: string;
  readonly body?: object;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

export interface Settled {
  /** `txn_…` */
  readonly reference: string;
  /** Minor units. */
  readonly amount: bigint;
  readonly currency: string;
}

const logger = createLogger({ service: 'transactions', level: 'silent' });
const tries = 50;

/**
 * Runs on one bank after the other: a new one follows a run that failed, so that what is wrong in its books is not found
 * again in the runs by which a failure is made smaller. After each run all invariants must hold.
 */
export async function startBanks(): Promise<{
  run(work: (bank: RealBank) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}> {
  let bank = await startRealBank();
  return {
    async run(work) {
      try {
        await work(bank);
        const { db } = bank.ledger;
        const broken = [...(await ledgerViolations(db)), ...(await historyViolations(db, bank.acknowledged))];
        if (broken.length > 0) throw new Error(`Broken invariants: ${JSON.stringify(broken)}`);
      } catch (error) {
        await bank.close();
        bank = await startRealBank();
        throw error;
      }
    },
    close: () => bank.close(),
  };
}

/** Starts one with two replicas, whose engines differ in size. */
export async function startRealBank(): Promise<RealBank> {
  const ledger = await startTestLedger();
  const issuer = testIssuer();
  const replicas = [
    { lanes: 2, maxBatch: 5, deadlineMs: 20_000 },
    { lanes: 3, maxBatch: 256, deadlineMs: 20_000 },
  ].map((size) => startReplica(ledger, issuer, ledger.engine(size)));
  const replica = (number: number) => {
    const found = replicas[number % replicas.length];
    if (!found) throw new Error('There are no replicas');
    return found;
  };
  return {
    ledger,
    issuer,
    acknowledged: [],
    async send(number, { method, url, token, key, body }) {
      const headers = { authorization: `Bearer ${token}`, ...(key !== undefined && { 'idempotency-key': key }) };
      for (let attempt = 1; ; attempt++) {
        const { app } = replica(number + attempt - 1);
        const response = await app.inject({ method, url, headers, ...(body && { payload: body }) });
        const isDefinite = response.statusCode !== 503 && !response.body.includes('idempotency_in_progress');
        if (isDefinite) return { status: response.statusCode, text: response.body };
        if (attempt === tries) throw new Error(`${method} ${url} had no definite outcome in ${tries} tries`);
        await sleep(50);
      }
    },
    async settle(number, deposit) {
      const { engine } = replica(number);
      const report = { ...deposit, providerReference: newUuid(), outcome: { kind: 'succeeded' as const } };
      const effect = await bringReport({ db: ledger.db, engine, logger }, 'sandbox', report);
      if (!['settle', 'suspend'].includes(effect)) throw new Error(`A settled deposit had the effect ${effect}`);
    },
    async close() {
      for (const { app, payments } of replicas) {
        await app.close();
        await payments.close();
      }
      await ledger.close();
    },
  };
}

function startReplica(ledger: TestLedger, issuer: TestIssuer, engine: ReturnType<TestLedger['engine']>) {
  const payments = startPayments({ db: ledger.db, engine, logger }, { providers: {}, reconcileAfterMs: 30_000 });
  const tokens = { keys: issuer.keys, tokenIssuer: issuer.issuer };
  const app: Server = buildApp({ logger, db: ledger.db, engine, payments, ...tokens });
  return { app, payments, engine };
}
