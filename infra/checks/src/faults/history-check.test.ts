import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  startTestService,
  type TestService,
  uuidOfTransaction,
} from '../../../../services/transactions/src/testing/test-service.ts';
import type { Customer } from './bank.ts';
import { batchCall, captureCall, holdCall, idIn, isOk, refundCall, transferCall } from './calls.ts';
import { History, type HistoryLine } from './history.ts';
import { historyViolations } from './history-check.ts';
import { Random } from './random.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { type Target, Teller } from './teller.ts';

const folder = mkdtempSync(join(tmpdir(), 'florin-history-'));
let service: TestService;
let proxy: TcpProxy;
let direct: Target;
let proxied: Target;
let admin: pg.Client;
let alice: Customer;
let bob: Customer;
/** A history of a small bank that kept all promises. */
let lines: HistoryLine[];

beforeAll(async () => {
  service = await startTestService();
  direct = { name: 'transactions', url: await service.app.listen({ host: '127.0.0.1', port: 0 }) };
  proxy = await startTcpProxy(direct.url);
  proxied = { name: 'by the proxy', url: proxy.url };
  admin = new pg.Client({ connectionString: service.ledger.database.adminUrl });
  await admin.connect();
  [alice, bob] = [await customer(100_000n), await customer(0n)];
  lines = await record('kept', workday);
});
afterAll(async () => {
  await admin.end();
  await proxy.close();
  await service.close();
  rmSync(folder, { recursive: true });
});

async function customer(posted: bigint): Promise<Customer> {
  const caller = service.caller();
  const made: Customer = { email: '', password: '', token: caller.token, accounts: [] };
  for (let count = 0; count < 2; count += 1) {
    made.accounts.push({ ...(await service.open(caller, posted)), currency: 'USD', owner: made });
  }
  return made;
}

async function record(name: string, work: (history: History) => Promise<void>): Promise<HistoryLine[]> {
  const history = new History(join(folder, `${name}.jsonl`));
  await work(history);
  await history.close();
  expect(history.violations).toEqual([]);
  const texts = readFileSync(history.file, 'utf8').trim().split('\n');
  return texts.map((text) => JSON.parse(text) as HistoryLine);
}

const tellerOf = (history: History, targets: readonly Target[], timeoutMs = 5000) =>
  new Teller({ history, random: new Random(1), targets, timeoutMs, patienceMs: 20_000, replayShare: 0.5 });

const order = (amount: number) => {
  const [from, to] = [alice.accounts[0], bob.accounts[0]];
  if (from === undefined || to === undefined) throw new Error('There are no accounts.');
  return { from, to, amount };
};

async function workday(history: History): Promise<void> {
  const teller = tellerOf(history, [direct]);
  const sent = await teller.settle(transferCall('transfer', order(500)), 0);
  await teller.settleTwice(transferCall('twice', order(1)), 0);
  await teller.settle(transferCall('too much', order(99_999_999)), 0);
  await teller.settle(refundCall('refund', idIn(sent), order(200)), 0);
  const orders = [order(1), order(99_999_999), order(2)];
  await teller.settle(batchCall('independent', alice, 'independent', orders), 0);
  await teller.settle(batchCall('atomic', alice, 'atomic', orders), 0);
  const hold = await teller.settle(holdCall('hold', order(50)), 0);
  await teller.settle(captureCall('capture', idIn(hold), order(20)), 0);
}

/** What the checker says of this history after a superuser has done something to the ledger; it is then undone. */
async function violationsOf(told: readonly HistoryLine[], ...tampering: string[]): Promise<string[]> {
  const file = join(folder, `${randomUUID()}.jsonl`);
  writeFileSync(file, told.map((line) => `${JSON.stringify(line)}\n`).join(''));
  await admin.query('begin');
  try {
    await admin.query('set local search_path = transactions');
    for (const statement of tampering) await admin.query(statement);
    return await historyViolations(admin, file);
  } finally {
    await admin.query('rollback');
  }
}

function transactionOf(request: string): string {
  const effects = lines.flatMap((line) => line.effects ?? []);
  return uuidOfTransaction(effects.find((effect) => effect.request === request)?.transaction);
}

function withEffect(request: string, change: object): HistoryLine[] {
  return lines.map((line) => ({
    ...line,
    ...(line.effects && {
      effects: line.effects.map((effect) => (effect.request === request ? { ...effect, ...change } : effect)),
    }),
  }));
}

describe('the history checker', () => {
  test('agrees with a bank that kept its promises', async () => {
    expect(lines.filter(({ replay }) => replay).length).toBeGreaterThan(2);
    expect(await violationsOf(lines)).toEqual([]);
  });

  test('names an acknowledged transfer that is lost', async () => {
    const id = transactionOf('independent/2');
    expect(await violationsOf(lines, `delete from transactions where id = '${id}'`)).toEqual([
      `I5: independent/2 was acknowledged as transaction ${id}, which does not exist`,
    ]);
  });

  test('names one that is doubled', async () => {
    const [id, copy] = [transactionOf('transfer'), randomUUID()];
    const double = `insert into transactions select (jsonb_populate_record(one, '{"id": "${copy}"}')).*
      from transactions as one where id = '${id}'`;
    expect(await violationsOf(lines, double)).toEqual([
      'I5: transfer is 2 transactions',
      `I6: transaction ${copy} was acknowledged to nobody`,
    ]);
  });

  test.each(['amount = amount + 1', 'credit_account_id = debit_account_id', "type = 'fee'"])(
    'names one that is changed: %s',
    async (change) => {
      const id = transactionOf('capture');
      expect(await violationsOf(lines, `update transactions set ${change} where id = '${id}'`)).toEqual([
        `I5: capture was acknowledged as transaction ${id}, which is another movement`,
      ]);
    },
  );

  test('names an `ok` of which there is no transaction, and what then belongs to nobody', async () => {
    const none = 'txn_01m7wh2r35e00baraarrvr1j8s';
    expect(await violationsOf(withEffect('refund', { transaction: none }))).toEqual([
      `I5: refund was acknowledged as transaction ${uuidOfTransaction(none)}, which does not exist`,
      `I6: transaction ${transactionOf('refund')} was acknowledged to nobody`,
    ]);
  });

  test('names a `fail` of which there is one, and one transaction that two were told of', async () => {
    const id = transactionOf('transfer');
    expect(await violationsOf(withEffect('transfer', { outcome: 'fail', transaction: undefined }))).toEqual([
      `I6: transaction ${id} was acknowledged to nobody; transfer was told that it will not be`,
    ]);
    const other = lines
      .flatMap(({ effects = [] }) => effects)
      .find(({ request }) => request === 'transfer')?.transaction;
    expect(await violationsOf(withEffect('twice', { transaction: other }))).toEqual(
      expect.arrayContaining([
        expect.stringMatching(`I5: transaction ${id} was acknowledged to (transfer and twice|twice and transfer)`),
      ]),
    );
  });

  test('names a call whose outcome nobody has found out, and one that was told two outcomes', async () => {
    const open: HistoryLine = { key: 'open', kind: 'transfer', target: '', outcome: 'unknown', answer: '503' };
    expect(await violationsOf([...lines, open])).toEqual(['I7: open is still unknown']);
    const again: HistoryLine = { ...open, key: 'transfer', outcome: 'ok', answer: '201' };
    expect(await violationsOf([...lines, again])).toEqual(['I7: transfer has become definite twice']);
  });
});

describe('an answer that is lost on its way', () => {
  test('is found out by a client that asks again with its key', async () => {
    const told = await record('careful', async (history) => {
      proxy.disturb({ kind: 'silence', direction: 'to-client' });
      await tellerOf(history, [proxied, direct], 1000).settle(transferCall('careful', order(7)), 0);
      proxy.calm();
    });
    expect(told[0]?.outcome).toBe('unknown');
    expect(told.some(({ outcome }) => outcome === 'fail')).toBe(false);
    expect(await violationsOf([...lines, ...told])).toEqual([]);
    lines.push(...told);
  });

  test('control: one that takes it for a failure is found out by the checker', async () => {
    const call = transferCall('hasty', order(9));
    const told: HistoryLine[] = [];
    proxy.disturb({ kind: 'silence', direction: 'to-client' });
    await fetch(`${proxied.url}${call.path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${alice.token}`,
        'content-type': 'application/json',
        'idempotency-key': 'hasty',
      },
      body: JSON.stringify(call.body),
      signal: AbortSignal.timeout(500),
    }).catch(() => {
      const effects = call.effects({ status: 500, text: '' });
      told.push({ key: 'hasty', kind: 'transfer', target: '', outcome: 'fail', answer: 'timeout', effects });
    });
    proxy.calm();
    // The transfer may still be on its way: the same key tells when it is there.
    await record('found', async (history) => {
      const answer = await tellerOf(history, [direct]).settle(call, 0);
      expect(isOk(answer)).toBe(true);
    });
    expect(await violationsOf([...lines, ...told])).toEqual([
      expect.stringMatching(/^I6: transaction \S+ was acknowledged to nobody; hasty was told that it will not be$/),
    ]);
  });
});
