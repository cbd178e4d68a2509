import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureSystemAccounts, systemAccountId } from '../accounts/system-accounts.ts';
import { movementCommand } from '../testing/movement.ts';
import { type Caller, type Opened, startTestService, type TestService } from '../testing/test-service.ts';

let service: TestService;
let operator: Caller;
let alice: Caller;
let account: Opened;
/** Instants with the customers' money at each, minor units of USD. */
const history: { at: string; owed: bigint }[] = [];

beforeAll(async () => {
  service = await startTestService();
  operator = service.caller({ roles: ['operator'] });
  alice = service.caller();
  account = await service.open(alice);
  const engine = service.ledger.engine();
  const external = { name: 'external:sandbox', currency: 'USD' };
  await ensureSystemAccounts(service.ledger.db, [external]);
  const bank = systemAccountId(external.name, external.currency);
  let owed = 0n;
  history.push({ at: new Date().toISOString(), owed });
  for (let index = 1n; index <= 9n; index++) {
    await sleep(3);
    await engine.submit(movementCommand(bank, account.uuid, index * 100n));
    owed += index * 100n;
    // The very instant of an entry: it counts.
    const { last_entry_at: at } = await service.ledger.db
      .selectFrom('ledger_accounts')
      .select('last_entry_at')
      .where('id', '=', account.uuid)
      .executeTakeFirstOrThrow();
    history.push({ at: at?.toISOString() ?? '', owed });
  }
});
afterAll(() => service.close());

interface TrialBalance {
  at: string;
  accounts: { class: string; currency: string; debit: string; credit: string; balance: string }[];
  totals: { currency: string; total: string }[];
}

async function trialBalance(at?: string): Promise<TrialBalance> {
  const query = at === undefined ? '' : `?at=${at}`;
  const answer = await service.call(operator, `GET /v1/ledger/trial-balance${query}`);
  expect(answer.status).toBe(200);
  return answer.json<TrialBalance>();
}

describe('GET /v1/ledger/trial-balance', () => {
  test('› sums by class and currency, which come to 0 in each currency', async () => {
    expect(await trialBalance()).toEqual({
      at: expect.any(String),
      accounts: [
        { class: 'asset', currency: 'USD', debit: '45.00', credit: '0.00', balance: '-45.00' },
        { class: 'liability', currency: 'USD', debit: '0.00', credit: '45.00', balance: '45.00' },
      ],
      totals: [{ currency: 'USD', total: '0.00' }],
    });
  });

  test('› as it stood at any instant', async () => {
    for (const { at, owed } of history) {
      const { accounts, totals, at: told } = await trialBalance(at);
      expect(told).toBe(at);
      expect(accounts.find((row) => row.class === 'liability')?.credit).toBe(`${owed / 100n}.00`);
      expect(accounts.find((row) => row.class === 'asset')?.debit).toBe(`${owed / 100n}.00`);
      expect(totals).toEqual([{ currency: 'USD', total: '0.00' }]);
    }
    expect((await trialBalance('1999-12-31')).totals).toEqual([{ currency: 'USD', total: '0.00' }]);
    expect((await trialBalance('2199-01-01')).accounts[1]?.credit).toBe('45.00');
  });

  test('› a total other than 0 where money was made', async () => {
    await sql`update ledger_accounts set posted = posted + 1 where id = ${account.uuid}`.execute(service.ledger.db);
    expect((await trialBalance()).totals).toEqual([{ currency: 'USD', total: '0.01' }]);
    await sql`update ledger_accounts set posted = posted - 1 where id = ${account.uuid}`.execute(service.ledger.db);
  });

  test('› 403 for customers, 400 for a time that no calendar has', async () => {
    expect((await service.call(alice, 'GET /v1/ledger/trial-balance')).status).toBe(403);
    const answer = await service.call(operator, 'GET /v1/ledger/trial-balance?at=2026-02-30');
    expect(answer.json()).toMatchObject({ status: 400, code: 'validation_failed', errors: [{ pointer: '/at' }] });
  });
});
