import { transactionFailed, transactionPosted } from '@florin/contracts';
import { eventually, type TestDatabase } from '@florin/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createSandboxDatabase, freePort, type SandboxProcess, startSandbox } from './testing/sandbox-process.ts';
import {
  createLedgerDatabase,
  deposit,
  ledgerTotal,
  openLedger,
  read,
  type TestLedger,
} from './testing/test-ledger.ts';

let ledgerDatabase: TestDatabase;
let sandboxDatabase: TestDatabase;
let ledger: TestLedger;
let sandbox: SandboxProcess;

// The real provider as a process of its own, and the app listening for its webhooks.
beforeAll(async () => {
  [ledgerDatabase, sandboxDatabase] = [await createLedgerDatabase(), await createSandboxDatabase()];
  const port = await freePort();
  ledger = await openLedger({
    databaseUrl: ledgerDatabase.url,
    providerUrl: `http://127.0.0.1:${port}`,
    reconcileAfterMs: 1_000,
  });
  const address = await ledger.app.listen({ host: '127.0.0.1', port: 0 });
  const webhookUrl = `${address}/v1/webhooks/providers/sandbox`;
  sandbox = await startSandbox({ databaseUrl: sandboxDatabase.url, port, webhookUrl });
});

afterAll(async () => {
  await sandbox?.kill();
  await ledger?.close();
  await ledgerDatabase?.drop();
  await sandboxDatabase?.drop();
});

afterEach(async () => {
  expect(await ledgerTotal(ledger)).toEqual(['USD 0']);
});

/** The transaction once it is no longer pending. */
function ended(id: string, timeoutMs = 5_000) {
  return eventually(
    async () => {
      const transaction = await read(ledger, `/v1/transactions/${id}`);
      expect(transaction.status).not.toBe('pending');
      return transaction;
    },
    { timeoutMs },
  );
}

async function deposited(token: string) {
  const account = await ledger.openAccount();
  const answer = await deposit(ledger, { account, token });
  expect(answer.statusCode).toBe(202);
  return { account, id: answer.json().id as string };
}

const postedBalance = async (account: string) => (await read(ledger, `/v1/accounts/${account}/balance`)).posted;

async function eventsOf(id: string) {
  const rows = await ledger.db.selectFrom('outbox').select('event').orderBy('position').execute();
  const events = rows.map(({ event }) => event as { type: string; subject: string; data: unknown });
  return events.filter(({ subject }) => subject === id);
}

const quiet = () => new Promise((resolve) => setTimeout(resolve, 1_000));

describe('deposits through the sandbox provider', () => {
  test('tok_ok › posted once, with entries, balance and one event', async () => {
    const { account, id } = await deposited('tok_ok');
    expect(await ended(id)).toMatchObject({
      id,
      type: 'deposit',
      status: 'posted',
      amount: '12.50',
      from: 'external:sandbox',
      to: account,
      postedAt: expect.any(String),
      entries: [
        { account: 'external:sandbox', amount: '-12.50' },
        { account, amount: '12.50', balanceAfter: '12.50', version: 1 },
      ],
    });
    expect(await postedBalance(account)).toBe('12.50');
    const [event, ...others] = await eventsOf(id);
    expect(others).toEqual([]);
    expect(event?.type).toBe(transactionPosted.type);
    expect(transactionPosted.parse(event?.data).entries).toHaveLength(2);
  });

  test('tok_declined › failed with card_declined, no money, one event', async () => {
    const { account, id } = await deposited('tok_declined');
    expect(await ended(id)).toMatchObject({
      status: 'failed',
      failure: { code: 'card_declined', message: expect.any(String) },
      entries: [],
      postedAt: null,
    });
    expect(await postedBalance(account)).toBe('0.00');
    const [event, ...others] = await eventsOf(id);
    expect(others).toEqual([]);
    expect(event?.type).toBe(transactionFailed.type);
    expect(transactionFailed.parse(event?.data).failure.code).toBe('card_declined');
  });

  test('an unknown token › failed with invalid_source', async () => {
    const { account, id } = await deposited('tok_of_another_planet');
    expect(await ended(id)).toMatchObject({ status: 'failed', failure: { code: 'invalid_source' } });
    expect(await postedBalance(account)).toBe('0.00');
  });

  test('tok_duplicate › three webhooks, posted once', async () => {
    const { account, id } = await deposited('tok_duplicate');
    await ended(id);
    await quiet();
    expect(await postedBalance(account)).toBe('12.50');
    expect(await eventsOf(id)).toHaveLength(1);
  });

  test('tok_silent › no webhook; the provider is asked and the deposit posted', async () => {
    const { account, id } = await deposited('tok_silent');
    expect((await ended(id)).status).toBe('posted');
    expect(await postedBalance(account)).toBe('12.50');
  });

  test('tok_timeout › the call to the provider times out, the deposit is posted all the same, once', async () => {
    const { account, id } = await deposited('tok_timeout');
    expect((await ended(id)).status).toBe('posted');
    await quiet();
    expect(await postedBalance(account)).toBe('12.50');
  });

  test('tok_reordered › charge.pending after charge.succeeded changes nothing', async () => {
    const { account, id } = await deposited('tok_reordered');
    await ended(id);
    await quiet();
    expect((await read(ledger, `/v1/transactions/${id}`)).status).toBe('posted');
    expect(await postedBalance(account)).toBe('12.50');
  });

  test('tok_bad_signature › the forged webhook is refused, the real one posts', async () => {
    const { account, id } = await deposited('tok_bad_signature');
    expect((await ended(id)).status).toBe('posted');
    expect(await postedBalance(account)).toBe('12.50');
  });

  test('tok_slow › pending first, posted when the webhook comes', async () => {
    const { account, id } = await deposited('tok_slow');
    await quiet();
    expect((await read(ledger, `/v1/transactions/${id}`)).status).toBe('pending');
    expect((await ended(id, 10_000)).status).toBe('posted');
    expect(await postedBalance(account)).toBe('12.50');
  });

  test('twenty deposits at once into one account › the balance is their sum', async () => {
    const account = await ledger.openAccount();
    const answers = await Promise.all(Array.from({ length: 20 }, () => deposit(ledger, { account })));
    for (const answer of answers) expect((await ended(answer.json().id)).status).toBe('posted');
    expect(await postedBalance(account)).toBe('250.00');
  });
});
