import { formatId, newUuid, parseId } from '@florin/service';
import type { TestDatabase } from '@florin/testing';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { toTransferPolicy } from '../transfers/transfer-policy.ts';
import { freePort } from './testing/sandbox-process.ts';
import { createLedgerDatabase, openLedger, read, type TestLedger, withdraw } from './testing/test-ledger.ts';

let database: TestDatabase;
let ledger: TestLedger;

// Nothing listens where the provider should be: what is promised here does not need it.
beforeAll(async () => {
  database = await createLedgerDatabase();
  ledger = await openLedger({ databaseUrl: database.url, providerUrl: `http://127.0.0.1:${await freePort()}` });
});
afterAll(async () => {
  await ledger?.close();
  await database?.drop();
});

/** An account with 12.50 USD, without an entry for it. */
async function fundedAccount(): Promise<string> {
  const account = await ledger.openAccount();
  const id = parseId('acc', account) ?? '';
  await ledger.db.updateTable('ledger_accounts').set({ posted: 1_250n }).where('id', '=', id).execute();
  return account;
}

const balance = (account: string) => read(ledger, `/v1/accounts/${account}/balance`);

describe('POST /v1/withdrawals', () => {
  test('202 a pending withdrawal whose money is held at once, also while the provider is away', async () => {
    const account = await fundedAccount();
    const answer = await withdraw(ledger, { account, description: 'rent', metadata: { month: '11' } });
    expect(answer.statusCode).toBe(202);
    const withdrawal = answer.json();
    expect(withdrawal).toEqual({
      id: expect.stringMatching(/^txn_/),
      type: 'withdrawal',
      status: 'pending',
      amount: '5.00',
      currency: 'USD',
      from: account,
      to: 'external:sandbox',
      description: 'rent',
      metadata: { month: '11' },
      entries: [],
      holdId: expect.stringMatching(/^hld_/),
      createdAt: expect.any(String),
      postedAt: null,
      effectiveAt: null,
    });
    expect(await read(ledger, `/v1/transactions/${withdrawal.id}`)).toEqual(withdrawal);
    expect(await balance(account)).toMatchObject({ posted: '12.50', held: '5.00', available: '7.50' });
    expect(await read(ledger, `/v1/holds/${withdrawal.holdId}`)).toMatchObject({
      ...{ status: 'active', purpose: 'withdrawal', account, amount: '5.00', expiresAt: null },
    });
  });

  test('counts towards limits that come after it, and explain tells what it saw', async () => {
    const account = await fundedAccount();
    const { id } = (await withdraw(ledger, { account })).json();
    const owner = ledger.userId;
    const row = ledger.db
      .selectFrom('ledger_accounts')
      .select('account_number')
      .where('id', '=', parseId('acc', account) ?? '');
    const { account_number: accountNumber } = await row.executeTakeFirstOrThrow();
    const limits = { perTransaction: null, daily: '7.00', monthly: null };
    const limited = await ledger.app.inject({
      method: 'PUT',
      url: `/internal/ledger-accounts/${account}`,
      headers: { authorization: `Bearer ${ledger.issuer.serviceToken('accounts', 'transactions')}` },
      payload: { owner: formatId('usr', owner), currency: 'USD', accountNumber, status: 'active', limits, version: 2 },
    });
    expect(limited.statusCode).toBe(200);
    const refused = await withdraw(ledger, { account, amount: '2.01' });
    expect(refused.json()).toMatchObject({ code: 'limit_exceeded', detail: expect.stringContaining('5.00 USD used') });
    const second = (await withdraw(ledger, { account, amount: '2.00' })).json();
    const [before, after] = [
      await read(ledger, `/v1/transactions/${id}/explain`),
      await read(ledger, `/v1/transactions/${second.id}/explain`),
    ];
    expect(before).toMatchObject({
      recorded: true,
      limits: [],
      rules: [{ step: 'request', values: { balanceBefore: '12.50', held: '0.00', asked: '5.00', floor: '0.00' } }],
    });
    expect(after).toMatchObject({
      limits: [{ step: 'request', account, daily: '7.00', usedToday: '5.00', usedThisMonth: '5.00' }],
      rules: [{ step: 'request', values: { balanceBefore: '12.50', held: '5.00', asked: '2.00' } }],
    });
  });

  test('its hold cannot be voided or captured as one', async () => {
    const { holdId } = (await withdraw(ledger, { account: await fundedAccount() })).json();
    for (const verb of ['void', 'capture']) {
      const headers = { authorization: `Bearer ${ledger.token}`, 'idempotency-key': newUuid() };
      const payload = verb === 'capture' ? { to: await ledger.openAccount() } : undefined;
      const answer = await ledger.app.inject({
        ...{ method: 'POST', url: `/v1/holds/${holdId}/${verb}`, headers },
        ...(payload && { payload }),
      });
      expect([answer.statusCode, answer.json().code]).toEqual([422, 'hold_not_active']);
    }
  });

  test('the same key again is the same answer and one hold, also ten times at once', async () => {
    const account = await fundedAccount();
    const headers = { 'idempotency-key': newUuid() };
    const answers = await Promise.all(Array.from({ length: 10 }, () => withdraw(ledger, { account }, headers)));
    expect(new Set(answers.map((answer) => `${answer.statusCode} ${answer.body}`)).size).toBe(1);
    expect(await balance(account)).toMatchObject({ held: '5.00' });
  });

  test('raced withdrawals never hold more than there is', async () => {
    const account = await fundedAccount();
    const answers = await Promise.all(Array.from({ length: 10 }, () => withdraw(ledger, { account })));
    expect(answers.filter((answer) => answer.statusCode === 202)).toHaveLength(2);
    expect(await balance(account)).toMatchObject({ held: '10.00', available: '2.50' });
  });

  test('counts towards the limits of the account at once', async () => {
    const account = await fundedAccount();
    const id = parseId('acc', account) ?? '';
    await ledger.db.updateTable('ledger_accounts').set({ limit_daily: 700n }).where('id', '=', id).execute();
    expect((await withdraw(ledger, { account })).statusCode).toBe(202);
    const second = await withdraw(ledger, { account });
    expect([second.statusCode, second.json().code]).toEqual([422, 'limit_exceeded']);
  });

  test.each<[number, string, Record<string, unknown>]>([
    [422, 'insufficient_funds', { amount: '12.51' }],
    [422, 'insufficient_funds', { amount: '999999999999999.00' }],
    [422, 'currency_mismatch', { currency: 'EUR' }],
    [404, 'not_found', { account: 'acc_01h455vb4pex5vsknk084sn02q' }],
    [400, 'validation_failed', { provider: 'nobody' }],
    [400, 'validation_failed', { destination: { type: 'bank_account' } }],
    [400, 'validation_failed', { destination: { type: 'Bank account', token: 'tok_ok' } }],
    [400, 'validation_failed', { destination: { type: 'bank_account', iban: 'GB83WEST12345698765432' } }],
    [
      400,
      'validation_failed',
      { destination: { type: 'bank_account', token: 'tok_ok', iban: 'GB82WEST12345698765432' } },
    ],
  ])('%i %s for %j', async (status, code, changes) => {
    const answer = await withdraw(ledger, { account: await fundedAccount(), ...changes });
    expect([answer.statusCode, answer.json().code]).toEqual([status, code]);
  });

  test("404 for another's account, 422 account_frozen, 400 without a key", async () => {
    const account = await ledger.openAccount({ ownerId: newUuid() });
    expect((await withdraw(ledger, { account })).statusCode).toBe(404);
    const frozen = await fundedAccount();
    await ledger.setStatus(frozen, 'frozen');
    expect((await withdraw(ledger, { account: frozen })).json().code).toBe('account_frozen');
    const answer = await withdraw(ledger, { account }, { 'idempotency-key': '' });
    expect(answer.statusCode).toBe(400);
  });

  test('403 step_up_required above STEP_UP_ABOVE without a recent proof, before the account is looked at; then 202', async () => {
    const policy = toTransferPolicy({ STEP_UP_ABOVE: 'USD:4.99' });
    const own = await createLedgerDatabase();
    const strict = await openLedger({ databaseUrl: own.url, providerUrl: 'http://127.0.0.1:9', policy });
    onTestFinished(async () => {
      await strict.close();
      await own.drop();
    });
    const account = await strict.openAccount();
    await strict.db
      .updateTable('ledger_accounts')
      .set({ posted: 1_250n })
      .where('id', '=', parseId('acc', account) ?? '')
      .execute();
    const key = { 'idempotency-key': newUuid() };
    expect((await withdraw(strict, { account, amount: '4.99' })).statusCode).toBe(202);
    expect((await withdraw(strict, { account }, key)).json()).toMatchObject({ status: 403, code: 'step_up_required' });
    const claims = { auth_time: Math.floor(Date.now() / 1000), amr: ['pwd'] };
    const authorization = `Bearer ${strict.issuer.userToken({ userId: strict.userId, claims })}`;
    expect((await withdraw(strict, { account }, { ...key, authorization })).statusCode).toBe(202);
  });
});
