import { eventually, type TestDatabase } from '@florin/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { brokenInvariants } from '../testing/test-ledger.ts';
import { createSandboxDatabase, freePort, type SandboxProcess, startSandbox } from './testing/sandbox-process.ts';
import {
  createLedgerDatabase,
  deposit,
  ledgerTotal,
  openLedger,
  read,
  type TestLedger,
  withdraw,
} from './testing/test-ledger.ts';

let ledgerDatabase: TestDatabase;
let sandboxDatabase: TestDatabase;
let ledger: TestLedger;
let sandbox: SandboxProcess;
beforeAll(async () => {
  [ledgerDatabase, sandboxDatabase] = [await createLedgerDatabase(), await createSandboxDatabase()];
  const port = await freePort();
  const providerUrl = `http://127.0.0.1:${port}`;
  ledger = await openLedger({ databaseUrl: ledgerDatabase.url, providerUrl, reconcileAfterMs: 1_000 });
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
  expect(await brokenInvariants(ledger.db)).toEqual([]);
});

function ended(id: string, timeoutMs = 8_000) {
  return eventually(
    async () => {
      const transaction = await read(ledger, `/v1/transactions/${id}`);
      expect(transaction.status).not.toBe('pending');
      return transaction;
    },
    { timeoutMs },
  );
}

const balance = (account: string) => read(ledger, `/v1/accounts/${account}/balance`);

/** A withdrawal of 5.00 from an account that 12.50 were paid into. */
async function withdrawn(body: Record<string, unknown>) {
  const account = await ledger.openAccount();
  await ended((await deposit(ledger, { account })).json().id);
  const answer = await withdraw(ledger, { account, ...body });
  expect(answer.statusCode).toBe(202);
  return { account, id: answer.json().id as string, holdId: answer.json().holdId as string };
}

async function eventTypesOf(...subjects: string[]): Promise<string[]> {
  const rows = await ledger.db.selectFrom('outbox').select('event').orderBy('position').execute();
  const events = rows.map(({ event }) => event as { type: string; subject: string });
  return events.filter(({ subject }) => subjects.includes(subject)).map(({ type }) => type);
}

const quiet = () => new Promise((resolve) => setTimeout(resolve, 1_000));
const left = { posted: '7.50', held: '0.00', available: '7.50' };

describe('withdrawals through the sandbox provider', () => {
  test('tok_ok › posted once: customer debited, provider credited, hold captured', async () => {
    const { account, id, holdId } = await withdrawn({});
    expect(await ended(id)).toMatchObject({
      id,
      type: 'withdrawal',
      status: 'posted',
      amount: '5.00',
      from: account,
      to: 'external:sandbox',
      holdId,
      postedAt: expect.any(String),
      entries: [
        { account, amount: '-5.00', balanceAfter: '7.50', version: 2 },
        { account: 'external:sandbox', amount: '5.00' },
      ],
    });
    expect(await balance(account)).toMatchObject(left);
    expect(await read(ledger, `/v1/holds/${holdId}`)).toMatchObject({ status: 'captured', captured: '5.00' });
    const types = ['hold.created.v1', 'transaction.posted.v1', 'hold.captured.v1'];
    expect(await eventTypesOf(id, holdId)).toEqual(types.map((type) => `transactions.${type}`));
  });

  test.each([
    ['tok_declined', 'card_declined'],
    ['tok_of_another_planet', 'invalid_destination'],
  ])('%s › failed with %s, the money is free again', async (token, code) => {
    const { account, id, holdId } = await withdrawn({ token });
    expect(await ended(id)).toMatchObject({ status: 'failed', failure: { code }, entries: [], postedAt: null });
    expect(await balance(account)).toMatchObject({ posted: '12.50', held: '0.00', available: '12.50' });
    expect(await read(ledger, `/v1/holds/${holdId}`)).toMatchObject({ status: 'voided' });
    const types = ['hold.created.v1', 'transaction.failed.v1', 'hold.voided.v1'];
    expect(await eventTypesOf(id, holdId)).toEqual(types.map((type) => `transactions.${type}`));
  });

  test.each(['tok_duplicate', 'tok_silent', 'tok_timeout', 'tok_reordered', 'tok_bad_signature'])(
    '%s › posted, once',
    async (token) => {
      const { account, id } = await withdrawn({ token });
      expect((await ended(id)).status).toBe('posted');
      await quiet();
      expect(await balance(account)).toMatchObject(left);
    },
  );

  test.each(['bank_account', 'sepa_instant'])('an IBAN as %s › posted', async (type) => {
    const { account, id } = await withdrawn({ destination: { type, iban: 'GB82WEST12345698765432' } });
    expect((await ended(id)).status).toBe('posted');
    expect(await balance(account)).toMatchObject(left);
  });

  test('tok_slow › held until the webhook comes, booked also when the account was frozen meanwhile', async () => {
    const { account, id } = await withdrawn({ token: 'tok_slow' });
    await ledger.setStatus(account, 'frozen');
    await quiet();
    expect(await balance(account)).toMatchObject({ posted: '12.50', held: '5.00', available: '7.50' });
    expect((await ended(id, 12_000)).status).toBe('posted');
    expect(await balance(account)).toMatchObject(left);
  });
});
