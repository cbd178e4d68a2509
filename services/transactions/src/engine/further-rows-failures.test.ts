import { newUuid } from '@florin/service';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CuttingProxy, startCuttingProxy } from '../testing/cutting-proxy.ts';
import {
  brokenInvariants,
  engineOptions,
  type OpenAccount,
  startTestLedger,
  type TestLedger,
} from '../testing/test-ledger.ts';
import type { Command } from './command.ts';
import type { Hold } from './hold.ts';

let ledger: TestLedger;
let proxy: CuttingProxy;
beforeAll(async () => {
  ledger = await startTestLedger();
  proxy = await startCuttingProxy(ledger.database.url);
});
afterAll(async () => {
  await ledger.close();
  await proxy.close();
});

const at = new Date('2026-11-20T12:00:00.000Z');

function holdOf(account: OpenAccount, status: Hold['status'], id: string): Hold {
  return {
    ...{ id, purpose: 'authorization', accountId: account.id, toAccountId: null, amount: 10n, capturedAmount: 0n },
    ...{ currency: 'USD', status, description: null, initiatedBy: 'service:test', traceId: null },
    ...{ expiresAt: null, createdAt: at, updatedAt: at },
  };
}

/** Places the hold, or voids it if it is there and active. Neither posts a transaction that could be looked for. */
function command(account: OpenAccount, id: string, key?: string): Command {
  return {
    id: newUuid(),
    kind: 'test',
    accounts: [account.id],
    holds: [id],
    context: ROOT_CONTEXT,
    ...(key !== undefined && { idempotency: { caller: 'service:test', key, fingerprint: Buffer.from(key) } }),
    decide: (state) => {
      const hold = state.hold(id);
      const answer = { status: 200, body: hold?.status ?? 'none' };
      if (hold && hold.status !== 'active') return { outcome: 'refused', answer };
      const holds = [holdOf(account, hold ? 'voided' : 'active', id)];
      return { outcome: 'applied', transactions: [], holds, events: [], answer };
    },
  };
}

const held = async (account: OpenAccount) =>
  await ledger.db
    .selectFrom('ledger_accounts')
    .select(['held', 'held_version'])
    .where('id', '=', account.id)
    .executeTakeFirstOrThrow();

describe.each(['before-commit', 'after-commit'] as const)('a connection lost %s', (cut) => {
  test('makes each hold once and ends it once', async () => {
    const { database } = engineOptions(proxy.url);
    const engine = ledger.engine({ database });
    const account = await ledger.open({ posted: 1_000n });
    const ids = Array.from({ length: 30 }, () => newUuid());
    const { cuts } = proxy;
    proxy.cut(cut, 2);
    const placed = await Promise.all(ids.map((id) => engine.submit(command(account, id, `place ${id}`))));
    expect(new Set(placed.map((answer) => answer.body))).toEqual(new Set(['none']));
    expect(await held(account)).toEqual({ held: 300n, held_version: 30n });
    proxy.cut(cut, 1);
    await Promise.all(ids.map((id) => engine.submit(command(account, id))));
    // After a commit the next attempt finds the answers and commits nothing.
    expect(proxy.cuts - cuts).toBe(cut === 'before-commit' ? 3 : 2);
    expect(await held(account)).toEqual({ held: 0n, held_version: 60n });
    expect(await brokenInvariants(ledger.db)).toEqual([]);
  });
});
