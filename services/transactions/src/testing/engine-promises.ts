import { expect } from 'vitest';
import type { Command } from '../engine/command.ts';
import { type CuttingProxy, startCuttingProxy } from './cutting-proxy.ts';
import { watched } from './planted-lanes.ts';
import {
  brokenInvariants,
  engineOptions,
  type OpenAccount,
  type OpenLane,
  type TestLedger,
  transferCommand,
} from './test-ledger.ts';

/** Checks one promise of the engine, with these lanes; fails where it is broken. */
export type Promised = (ledger: TestLedger, lane: OpenLane) => Promise<void>;

async function openAccounts(ledger: TestLedger, count: number, posted: bigint): Promise<OpenAccount[]> {
  return await Promise.all(Array.from({ length: count }, () => ledger.open({ posted })));
}

const pick = <Item>(list: readonly Item[]): Item => list[Math.floor(Math.random() * list.length)] as Item;

async function balanceOf(ledger: TestLedger, { id }: OpenAccount): Promise<bigint> {
  const rows = await ledger.db.selectFrom('ledger_accounts').select('posted').where('id', '=', id).execute();
  return rows[0]?.posted ?? 0n;
}

/** What became of each: a status, or what it was rejected with. */
async function outcomes(answers: readonly Promise<{ status: number }>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(answers);
  return settled.map((one) => (one.status === 'fulfilled' ? one.value.status : one.reason));
}

/** Two replicas with few accounts: no error to clients, no money made or lost, no gap, no overdraft. */
export const replicasShareAccounts: Promised = async (ledger, lane) => {
  const accounts = await openAccounts(ledger, 5, 1000n);
  const engines = [ledger.engine({ lanes: 3, maxBatch: 7 }, lane), ledger.engine({ lanes: 2, maxBatch: 16 }, lane)];
  const told: unknown[] = [];
  const client = async (index: number) => {
    for (let round = 0; round < 20; round++) {
      const engine = engines[index % 2];
      const transfer = transferCommand(pick(accounts), pick(accounts), BigInt(1 + Math.floor(Math.random() * 700)));
      if (engine) told.push(...(await outcomes([engine.submit(transfer)])));
    }
  };
  await Promise.all(Array.from({ length: 24 }, (_, index) => client(index)));
  expect([201, 422]).toEqual(expect.arrayContaining([...new Set(told)]));
  const after = await Promise.all(accounts.map((account) => balanceOf(ledger, account)));
  expect(after.reduce((sum, balance) => sum + balance)).toBe(5000n);
  const payers = accounts.map(({ id }) => id);
  const posted = await ledger.db
    .selectFrom('transactions')
    .select('id')
    .where('debit_account_id', 'in', payers)
    .execute();
  expect(posted).toHaveLength(told.filter((status) => status === 201).length);
  expect(await brokenInvariants(ledger.db)).toEqual([]);
};

/** Replicas that need the same accounts never wait for each other in a circle, in whatever order they are named. */
export const replicasNeverDeadlock: Promised = async (ledger, lane) => {
  const accounts = await openAccounts(ledger, 8, 1000n);
  const errors: unknown[] = [];
  const heard = watched(lane, (code) => errors.push(code));
  const engines = Array.from({ length: 4 }, () => ledger.engine({ lanes: 1, maxBatch: 8 }, heard));
  for (let round = 0; round < 60 && !errors.includes('40P01'); round++) {
    const transfers = Array.from({ length: 16 }, () => transferCommand(pick(accounts), pick(accounts), 1n));
    await outcomes(engines.flatMap((engine) => transfers.map((one) => engine.submit({ ...one }))));
  }
  expect(errors).not.toContain('40P01');
};

async function behindProxy(
  ledger: TestLedger,
  work: (proxy: CuttingProxy, accounts: [OpenAccount, OpenAccount]) => Promise<void>,
): Promise<void> {
  const proxy = await startCuttingProxy(ledger.database.url);
  const [a, b] = [await ledger.open({ posted: 1_000n }), await ledger.open()];
  try {
    await work(proxy, [a, b]);
  } finally {
    proxy.away = false;
    await proxy.close();
  }
}

/** A connection lost about the commit is found out: every command has its effect once and its own answer. */
export const lostCommitsAreFoundOut =
  (cut: 'before-commit' | 'after-commit'): Promised =>
  async (ledger, lane) => {
    await behindProxy(ledger, async (proxy, [a, b]) => {
      const { database } = engineOptions(proxy.url);
      const engine = ledger.engine({ database }, lane);
      proxy.cut(cut, 3);
      const answers = await Promise.allSettled(
        Array.from({ length: 24 }, (_, index) =>
          engine.submit(transferCommand(a, b, 1n, index % 2 === 0 ? { key: `${cut} ${index}` } : {})),
        ),
      );
      await engine.close();
      // A batch that was committed is found the next time and needs no further commit.
      expect(proxy.cuts).toBeGreaterThanOrEqual(cut === 'before-commit' ? 3 : 1);
      const own = { status: 'fulfilled', value: expect.objectContaining({ status: 201, replayed: false }) };
      expect(answers).toEqual(Array(24).fill(own));
      expect(await balanceOf(ledger, b)).toBe(24n);
      expect(await brokenInvariants(ledger.db)).toEqual([]);
    });
  };

/** Nothing is a success before it is committed: what cannot be found out in time is a 503; the key then tells. */
export const answersFollowTheCommit =
  (cut: 'before-commit' | 'after-commit'): Promised =>
  async (ledger, lane) => {
    await behindProxy(ledger, async (proxy, [a, b]) => {
      const { database } = engineOptions(proxy.url);
      const engine = ledger.engine({ database, deadlineMs: 1_000 }, lane);
      const command = () => transferCommand(a, b, 1n, { key: `unknown ${cut}` });
      proxy.cut(cut, 1, true);
      const [told] = await Promise.allSettled([engine.submit(command())]);
      expect(proxy.cuts).toBe(1);
      const unknown = { code: 'upstream_unavailable', detail: expect.stringContaining('not known') };
      expect(told).toMatchObject({ status: 'rejected', reason: unknown });
      proxy.away = false;
      const again = await ledger.engine({}, lane).submit(command());
      expect(again).toMatchObject({ status: 201, replayed: cut === 'after-commit' });
      expect(await balanceOf(ledger, b)).toBe(1n);
    });
  };

/** A command that the database refuses fails alone, and its neighbours in the batch are posted. */
export const poisonFailsAlone =
  (poison: (command: Command) => Command): Promised =>
  async (ledger, lane) => {
    const engine = ledger.engine({ lanes: 1 }, lane);
    const [a, b] = [await ledger.open({ posted: 100n }), await ledger.open()];
    const good = () => Array.from({ length: 7 }, () => engine.submit(transferCommand(a, b, 1n)));
    const all = [...good(), engine.submit(poison(transferCommand(a, b, 1n))), ...good()];
    const results = await Promise.allSettled(all);
    const posted = Array(7).fill('fulfilled');
    expect(results.map((result) => result.status)).toEqual([...posted, 'rejected', ...posted]);
    expect(await balanceOf(ledger, b)).toBe(14n);
  };

/** What makes the database refuse the batch. */
export const withBrokenEvent = (command: Command): Command => ({
  ...command,
  decide: (state) => {
    const decision = command.decide(state);
    const events = [{ id: 'none', type: 'broken', text: '{ not json' }];
    return decision.outcome === 'applied' ? { ...decision, events } : decision;
  },
});

/** 100 parallel commands with one key, at two replicas, have one effect and one answer. */
export const oneKeyOneEffect: Promised = async (ledger, lane) => {
  const engines = [ledger.engine({}, lane), ledger.engine({}, lane)];
  const [a, b] = [await ledger.open({ posted: 1000n }), await ledger.open()];
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      engines[index % 2]?.submit(transferCommand(a, b, 10n, { key: 'one key' })),
    ),
  );
  expect(new Set(answers.map((answer) => answer?.body)).size).toBe(1);
  expect(answers.filter((answer) => !answer?.replayed)).toHaveLength(1);
  expect(await balanceOf(ledger, b)).toBe(10n);
};

/** A key used for two requests on different accounts, at the same moment at two replicas, ends in one effect. */
export const oneKeyOneRequest: Promised = async (ledger, lane) => {
  const [a, b] = [await ledger.open({ posted: 500n }), await ledger.open()];
  const payers = [a, await ledger.open({ posted: 500n, ownerId: a.ownerId })];
  const engines = [ledger.engine({}, lane), ledger.engine({}, lane)];
  for (let round = 0; round < 20; round++) {
    const results = await Promise.allSettled(
      payers.map((from, index) => {
        const command = transferCommand(from, b, 1n, { key: `round ${round}`, fingerprint: from.id });
        return engines[index]?.submit(command);
      }),
    );
    const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    expect(refused).toEqual([expect.objectContaining({ code: 'idempotency_key_reused' })]);
  }
  expect(await balanceOf(ledger, b)).toBe(20n);
};
