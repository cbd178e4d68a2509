import { setTimeout as delay } from 'node:timers/promises';
import { eventually, type TestDatabase } from '@florin/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createSandboxDatabase, freePort, type SandboxProcess, startSandbox } from './testing/sandbox-process.ts';
import { createLedgerDatabase, deposit, openLedger, read, type TestLedger } from './testing/test-ledger.ts';

let ledgerDatabase: TestDatabase;
let sandboxDatabase: TestDatabase;
let providerPort: number;
const ledgers: TestLedger[] = [];
const sandboxes: SandboxProcess[] = [];

beforeEach(async () => {
  [ledgerDatabase, sandboxDatabase] = [await createLedgerDatabase(), await createSandboxDatabase()];
  providerPort = await freePort();
});

afterEach(async () => {
  for (const sandbox of sandboxes.splice(0)) await sandbox.kill();
  for (const ledger of ledgers.splice(0)) await ledger.close();
  await ledgerDatabase.drop();
  await sandboxDatabase.drop();
});

async function open(reconcileAfterMs = 500): Promise<TestLedger> {
  const providerUrl = `http://127.0.0.1:${providerPort}`;
  const ledger = await openLedger({ databaseUrl: ledgerDatabase.url, providerUrl, reconcileAfterMs });
  ledgers.push(ledger);
  return ledger;
}

async function startProvider(webhookUrl: string): Promise<SandboxProcess> {
  const sandbox = await startSandbox({ databaseUrl: sandboxDatabase.url, port: providerPort, webhookUrl });
  sandboxes.push(sandbox);
  return sandbox;
}

const nowhere = 'http://127.0.0.1:9/';

const statusOf = async (ledger: TestLedger, id: string): Promise<string> =>
  (await read(ledger, `/v1/transactions/${id}`)).status;

const posted = (ledger: TestLedger, id: string) =>
  eventually(async () => expect(await statusOf(ledger, id)).toBe('posted'), { timeoutMs: 30_000 });

/** Until the provider has taken the only payment, and that is written down. */
const submitted = (ledger: TestLedger) =>
  eventually(async () => {
    const payment = await ledger.db.selectFrom('payments').select('submitted_at').executeTakeFirstOrThrow();
    expect(payment.submitted_at).not.toBeNull();
  });

describe('payments while something is down', { timeout: 60_000 }, () => {
  test('the provider is down when the deposit is made: it settles once the provider is back', async () => {
    const ledger = await open();
    const account = await ledger.openAccount();
    const ids = [];
    for (let count = 0; count < 8; count++) ids.push((await deposit(ledger, { account })).json().id);
    await delay(1_500);
    for (const id of ids) expect(await statusOf(ledger, id)).toBe('pending');
    await startProvider(nowhere);
    for (const id of ids) await posted(ledger, id);
    expect((await read(ledger, `/v1/accounts/${account}/balance`)).posted).toBe('100.00');
  });

  test('the process dies between writing the deposit and calling the provider: the next one calls', async () => {
    await startProvider(nowhere);
    const first = await open();
    // From here on nobody in this process calls providers, as when it dies right after the commit.
    await first.payments.close();
    const account = await first.openAccount();
    const { id } = (await deposit(first, { account })).json();
    await delay(700);
    expect(await statusOf(first, id)).toBe('pending');
    await open();
    await posted(first, id);
    expect((await read(first, `/v1/accounts/${account}/balance`)).posted).toBe('12.50');
  });

  test('the process dies after the provider took the order, before that was written down: still one charge', async () => {
    await startProvider(nowhere);
    const ledger = await open(3_000);
    const account = await ledger.openAccount();
    const { id } = (await deposit(ledger, { account })).json();
    await submitted(ledger);
    await ledger.db
      .updateTable('payments')
      .set({ submitted_at: null, provider_reference: null, next_attempt_at: new Date() })
      .execute();
    await submitted(ledger);
    await posted(ledger, id);
    expect((await read(ledger, `/v1/accounts/${account}/balance`)).posted).toBe('12.50');
  });

  test('a provider that does not answer does not hold up the end of the process, and the deposit goes on afterwards', async () => {
    await startProvider(nowhere);
    const first = await open();
    const account = await first.openAccount();
    const { id } = (await deposit(first, { account, token: 'tok_timeout' })).json();
    await delay(700);
    const startedAt = Date.now();
    await first.payments.close();
    expect(Date.now() - startedAt).toBeLessThan(1_000);
    expect(await statusOf(first, id)).toBe('pending');
    await open();
    await posted(first, id);
  });

  test('the ledger is away when the webhook comes: the provider repeats it until it is taken', async () => {
    const port = await freePort();
    await startProvider(`http://127.0.0.1:${port}/v1/webhooks/providers/sandbox`);
    // Asked so late that only a webhook can end it.
    const ledger = await open(600_000);
    const account = await ledger.openAccount();
    const { id } = (await deposit(ledger, { account })).json();
    await submitted(ledger);
    await delay(500);
    expect(await statusOf(ledger, id)).toBe('pending');
    await ledger.app.listen({ host: '127.0.0.1', port });
    await posted(ledger, id);
  });
});
