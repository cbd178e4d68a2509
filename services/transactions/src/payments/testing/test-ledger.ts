import { join } from 'node:path';
import { testIssuer } from '@florin/auth/testing';
import { createDatabase, createPool, inTransaction, migrate, provision } from '@florin/database';
import { formatId, newUuid, parseId } from '@florin/service';
import { createLogger } from '@florin/telemetry';
import { createTestDatabase, type TestDatabase, testPassword } from '@florin/testing';
import { putLedgerAccount } from '../../accounts/put-ledger-account.ts';
import { buildApp } from '../../app.ts';
import type { LedgerAccountStatus } from '../../engine/command.ts';
import { createPostingEngine } from '../../engine/posting-engine.ts';
import type { Tables } from '../../tables.ts';
import { noDeliveries } from '../../testing/no-deliveries.ts';
import { openPolicy, type TransferPolicy } from '../../transfers/transfer-policy.ts';
import { startPayments } from '../start-payments.ts';
import { sandboxApiKey, sandboxSecret } from './sandbox-process.ts';

const schema = 'transactions';

/** The ledger's database, empty. */
export function createLedgerDatabase(): Promise<TestDatabase> {
  return createTestDatabase({
    schema,
    variant: 'payments',
    prepare: async ({ adminUrl, ownerUrl }) => {
      await provision({ adminUrl, services: [{ name: schema, password: testPassword, ownerPassword: testPassword }] });
      await migrate({ url: ownerUrl, schema, folder: join(import.meta.dirname, '../../../migrations'), role: schema });
    },
  });
}

/** The service's app on a database, with its payments at work, and a customer to call with. */
export type TestLedger = Awaited<ReturnType<typeof openLedger>>;

/** `providerUrl` is where the sandbox provider is or will be. */
export async function openLedger(options: {
  databaseUrl: string;
  providerUrl: string;
  reconcileAfterMs?: number;
  policy?: TransferPolicy;
}) {
  const logger = createLogger({ service: schema, level: 'silent' });
  const pool = createPool({ url: options.databaseUrl, schema, applicationName: 'payments-test' });
  const db = createDatabase<Tables>(pool);
  const engine = createPostingEngine({
    lanes: 2,
    maxBatch: 64,
    maxQueue: 1_000,
    deadlineMs: 4_000,
    database: {
      url: options.databaseUrl,
      schema,
      applicationName: 'payments-test-ledger',
      connectTimeoutMs: 1_000,
      queryTimeoutMs: 2_000,
    },
    clock: () => new Date(),
    logger,
  });
  const payments = startPayments(
    { db, engine, logger },
    {
      providers: { sandbox: { url: options.providerUrl, apiKey: sandboxApiKey, webhookSecret: sandboxSecret } },
      reconcileAfterMs: options.reconcileAfterMs ?? 30_000,
    },
  );
  const issuer = testIssuer();
  const { policy = openPolicy } = options;
  const app = buildApp({
    ...{ logger, db, engine, payments, policy, deliveries: noDeliveries },
    ...{ keys: issuer.keys, tokenIssuer: issuer.issuer },
  });
  const userId = newUuid();
  const token = issuer.userToken({ userId });
  let accounts = 0;

  /** Opens an account of the customer, or of `ownerId`; returns its public id. */
  async function openAccount(changes: { currency?: string; ownerId?: string } = {}): Promise<string> {
    const { currency = 'USD', ownerId = userId } = changes;
    const id = newUuid();
    const accountNumber = `TEST${process.pid}${++accounts}`;
    await inTransaction(db, (tx) =>
      putLedgerAccount(tx, { id, ownerId, currency, accountNumber, status: 'active', version: 1 }),
    );
    return formatId('acc', id);
  }

  async function setStatus(account: string, status: LedgerAccountStatus): Promise<void> {
    const id = parseId('acc', account) ?? '';
    await db.updateTable('ledger_accounts').set({ status, status_version: 2 }).where('id', '=', id).execute();
  }

  return {
    app,
    db,
    engine,
    issuer,
    payments,
    userId,
    token,
    openAccount,
    setStatus,
    async close() {
      await app.close();
      await payments.close();
      await engine.close();
      await db.destroy();
    },
  };
}

/** Asks for a deposit of 12.50 USD, or as `body` says. */
export function deposit(ledger: TestLedger, body: Record<string, unknown>, headers: Record<string, string> = {}) {
  const { token = 'tok_ok', ...rest } = body;
  return ledger.app.inject({
    method: 'POST',
    url: '/v1/deposits',
    headers: { authorization: `Bearer ${ledger.token}`, 'idempotency-key': newUuid(), ...headers },
    payload: { amount: '12.50', currency: 'USD', source: { type: 'card', token }, ...rest },
  });
}

/** Asks for a withdrawal of 5.00 USD to `token`, or as `body` says. */
export function withdraw(ledger: TestLedger, body: Record<string, unknown>, headers: Record<string, string> = {}) {
  const { token = 'tok_ok', ...rest } = body;
  return ledger.app.inject({
    method: 'POST',
    url: '/v1/withdrawals',
    headers: { authorization: `Bearer ${ledger.token}`, 'idempotency-key': newUuid(), ...headers },
    payload: { amount: '5.00', currency: 'USD', destination: { type: 'bank_account', token }, ...rest },
  });
}

/** GET with the customer's token; the body. */
export async function read(ledger: TestLedger, path: string) {
  const answer = await ledger.app.inject({ url: path, headers: { authorization: `Bearer ${ledger.token}` } });
  if (answer.statusCode !== 200) throw new Error(`${path} answered ${answer.statusCode}: ${answer.body}`);
  return answer.json();
}

/** The sum of all balances, per currency: 0 unless money was made or lost. */
export async function ledgerTotal(ledger: TestLedger): Promise<string[]> {
  const rows = await ledger.db
    .selectFrom('ledger_accounts')
    .select(['currency', (column) => column.fn.sum<string>('posted').as('total')])
    .groupBy('currency')
    .execute();
  return rows.map(({ currency, total }) => `${currency} ${total}`);
}
