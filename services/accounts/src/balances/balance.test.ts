import { formatAmount } from '@florin/money';
import { formatId, newUuid, parseId } from '@florin/service';
import { eventually } from '@florin/testing';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestService, type TestService } from '../testing/test-service.ts';
import { type HeldReport, heldBalances, newestBalances, type PostedEntry, readSigned } from './balance.ts';
import { writeBalances } from './balance-queries.ts';

it.each([
  ['0.00', 'USD', 0n],
  ['-0.05', 'USD', -5n],
  ['-12.50', 'USD', -1_250n],
  ['7', 'JPY', 7n],
  ['92233720368.54775807', 'HBAR', 2n ** 63n - 1n],
])('readSigned reads %s %s', (text, currency, minor) => {
  expect(readSigned(text, currency)).toBe(minor);
});

it('readSigned refuses decimals that the currency does not have', () => {
  expect(() => readSigned('1.001', 'USD')).toThrow(RangeError);
});

interface Posting {
  transaction: { postedAt: string };
  entries: PostedEntry[];
}

interface HoldNews {
  asOf: string;
  data: HeldReport;
}

type News = Posting | HoldNews;

/** mulberry32: the same numbers for the same seed, so that a failure can be repeated. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/**
 * A history as the ledger writes it: versions without gaps, each balance following from the one before; in between money
 * is held and released, which has a count of its own.
 */
function history(random: (below: number) => number, accounts: readonly string[], count: number): News[] {
  const states = new Map(accounts.map((account) => [account, { posted: 0n, version: 0, held: 0n, heldVersion: 0 }]));
  const stateOf = (account: string) => states.get(account) ?? { posted: 0n, version: 0, held: 0n, heldVersion: 0 };
  const text = (minor: bigint) => formatAmount(minor, 'USD');
  const hold = (account: string) => {
    const state = stateOf(account);
    states.set(account, { ...state, held: BigInt(random(50)), heldVersion: state.heldVersion + 1 });
  };
  const enter = (account: string, amount: bigint): PostedEntry => {
    const state = stateOf(account);
    const next = { ...state, posted: state.posted + amount, version: state.version + 1 };
    states.set(account, next);
    const { posted, version, held, heldVersion } = next;
    const balances = { balanceAfter: text(posted), heldAfter: text(held), heldVersion };
    return { account, owner: 'usr_x', currency: 'USD', version, ...balances };
  };
  return Array.from({ length: count }, (_, place) => {
    const at = new Date(1_700_000_000_000 + place).toISOString();
    const from = accounts[random(accounts.length)] ?? '';
    const to = accounts[random(accounts.length)] ?? '';
    if (random(3) > 0) hold(from);
    if (random(3) === 0) {
      hold(from);
      const { held, heldVersion } = stateOf(from);
      return { asOf: at, data: { hold: { account: from, currency: 'USD' }, heldAfter: text(held), heldVersion } };
    }
    const amount = BigInt(1 + random(1_000));
    const bank = { ...enter('external:sandbox', -amount), owner: null };
    return { transaction: { postedAt: at }, entries: [enter(from, -amount), enter(to, amount), bank] };
  });
}

/** What each account comes to, told by the history itself and not by the code under test. */
function endOf(news: readonly News[], account: string) {
  const end = { posted: 0n, version: 0n, held: 0n, held_version: 0n };
  let asOf: string | undefined;
  for (const item of news) {
    if ('data' in item) {
      if (item.data.hold.account !== account) continue;
      Object.assign(end, { held: readSigned(item.data.heldAfter, 'USD'), held_version: BigInt(item.data.heldVersion) });
      asOf = item.asOf;
    } else {
      for (const entry of item.entries) {
        if (entry.account !== account) continue;
        Object.assign(end, {
          posted: readSigned(entry.balanceAfter, 'USD'),
          version: BigInt(entry.version),
          held: readSigned(entry.heldAfter, 'USD'),
          held_version: BigInt(entry.heldVersion ?? 0),
        });
        asOf = item.transaction.postedAt;
      }
    }
  }
  return asOf === undefined ? [] : [{ account_id: account, ...end, as_of: new Date(asOf) }];
}

describe('the projection', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService();
  });
  afterAll(() => service.close());

  async function deliver(news: readonly News[], random: (below: number) => number): Promise<void> {
    for (let from = 0; from < news.length; ) {
      const batch = news.slice(from, from + 1 + random(7));
      from += batch.length;
      const postings = batch.filter((item) => 'entries' in item);
      const holds = batch.filter((item) => 'data' in item);
      await service.db.transaction().execute((tx) => writeBalances(tx, newestBalances(postings)));
      await service.db.transaction().execute((tx) => writeBalances(tx, heldBalances(holds)));
    }
  }

  async function projected(accounts: readonly string[]) {
    const ids = accounts.map((account) => parseId('acc', account) ?? '');
    return await service.db
      .selectFrom('balances')
      .selectAll()
      .where('account_id', 'in', ids)
      .orderBy('account_id')
      .execute();
  }

  it.each(Array.from({ length: 25 }, (_, seed) => [seed + 1]))(
    'is the same for any order and any repeats (seed %i)',
    async (seed) => {
      const random = randomNumbers(seed);
      const accounts = Array.from({ length: 3 }, () => formatId('acc', newUuid()));
      const postings = history(random, accounts, 20);
      const delivered = [...postings, ...postings, ...postings.filter(() => random(2) === 0)];
      const shuffled = delivered
        .map((posting) => ({ posting, place: random(1_000_000) }))
        .sort((one, other) => one.place - other.place)
        .map(({ posting }) => posting);
      await deliver(shuffled, random);
      const rows = (await projected(accounts)).map((row) => ({ ...row, account_id: formatId('acc', row.account_id) }));
      const ends = accounts.flatMap((account) => endOf(postings, account));
      expect(rows).toEqual(ends.sort((one, other) => (one.account_id < other.account_id ? -1 : 1)));
    },
  );

  it('consumers with the same accounts in other orders wait for each other', async () => {
    const balances = Array.from({ length: 3 }, () => ({
      account: formatId('acc', newUuid()),
      posted: 1n,
      version: 1,
      held: 0n,
      heldVersion: 0,
      asOf: new Date().toISOString(),
    }));
    let writing: Promise<unknown> | undefined;
    await service.db.transaction().execute(async (tx) => {
      await writeBalances(tx, balances.slice(1, 2));
      // Both get as far as they can; were one to begin at the other end, they would block each other once this ends.
      const write = (order: typeof balances) =>
        service.db.transaction().execute((other) => writeBalances(other, order));
      writing = Promise.all([balances, balances.toReversed()].map(write));
      await eventually(async () => {
        const { rows } = await sql`select from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'`.execute(service.db);
        expect(rows).toHaveLength(2);
      });
    });
    await writing;
    expect(await projected(balances.map(({ account }) => account))).toHaveLength(3);
  });

  it('two consumers with the same accounts in other orders do not block each other for good', async () => {
    const random = randomNumbers(99);
    const accounts = Array.from({ length: 40 }, () => formatId('acc', newUuid()));
    const postings = history(random, accounts, 200);
    const reversed = [...postings].reverse();
    await Promise.all([deliver(postings, random), deliver(reversed, random), deliver(postings, random)]);
    const rows = await projected(accounts);
    for (const row of rows) {
      const account = formatId('acc', row.account_id);
      expect([{ ...row, account_id: account }]).toEqual(endOf(postings, account));
    }
    expect(rows.length).toBeGreaterThan(30);
  });
});
