import { describe, expect, test } from 'vitest';
import { OutboxFloor } from './outbox-floor.ts';

const end = 10n ** 9n;

describe('the floor of an outbox', () => {
  test('follows what is published without gaps', () => {
    const floor = new OutboxFloor();
    floor.settle([1n, 2n, 3n], 0);
    expect([floor.position, floor.hasGaps]).toEqual([3n, false]);
  });

  test('stays below a missing position until that is published', () => {
    const floor = new OutboxFloor();
    floor.settle([1n, 4n, 5n], 0);
    expect([floor.position, floor.hasGaps]).toEqual([1n, true]);
    floor.settle([3n], 0);
    expect(floor.position).toBe(1n);
    floor.settle([2n], 0);
    expect([floor.position, floor.hasGaps]).toEqual([5n, false]);
  });

  test('leaves a gap once all transactions have ended that ran when it was seen', () => {
    const floor = new OutboxFloor();
    floor.settle([1n, 3n], 0);
    floor.close({ oldest: 10n, next: 20n }, [], end, 0);
    floor.close({ oldest: 19n, next: 30n }, [], end, 0);
    expect(floor.position).toBe(1n);
    floor.close({ oldest: 20n, next: 40n }, [], end, 0);
    expect(floor.position).toBe(3n);
  });

  test('does not leave a gap in which the same read has found something, nor one that the read did not reach', () => {
    const floor = new OutboxFloor();
    floor.settle([1n, 3n], 0);
    floor.close({ oldest: 10n, next: 20n }, [], end, 0);
    floor.close({ oldest: 20n, next: 20n }, [2n], end, 0);
    floor.close({ oldest: 20n, next: 20n }, [], 1n, 0);
    expect(floor.position).toBe(1n);
  });

  test('gives a gap up after longer than any transaction lasts, whatever else is running', () => {
    const floor = new OutboxFloor();
    floor.settle([1n, 3n], 0);
    floor.close({ oldest: 1n, next: 20n }, [], end, 14_000);
    expect(floor.position).toBe(1n);
    floor.close({ oldest: 1n, next: 20n }, [], end, 16_000);
    expect(floor.position).toBe(3n);
  });

  test.each([1, 2, 3, 4, 5])('misses nothing, whatever commits, lags or is rolled back (seed %i)', (seed) => {
    const { published, committed, isOrdered } = simulate(seed);
    expect(published).toEqual(committed);
    expect(committed.length).toBeGreaterThan(300);
    expect(isOrdered).toBe(true);
  });

  test('control: a floor that only follows the highest position misses what commits late', () => {
    const missed = [1, 2, 3, 4, 5].filter((seed) => {
      const { published, committed } = simulate(seed, new HighestOnly());
      return published.length < committed.length;
    });
    expect(missed).not.toEqual([]);
  });
});

class HighestOnly extends OutboxFloor {
  #position = 0n;
  override get position(): bigint {
    return this.#position;
  }
  override settle(positions: readonly bigint[]): void {
    this.#position = positions.at(-1) ?? this.#position;
  }
}

/** One of some accounts is locked by each transaction from before it takes positions until it ends, as in the ledger. */
interface Running {
  xid: bigint;
  account: number;
  positions: bigint[];
}

/** Three thousand random steps of writers and one reader that reads from the floor alone, ten rows at most. */
function simulate(seed: number, floor = new OutboxFloor()) {
  const random = numbers(seed);
  const running: Running[] = [];
  const table = new Map<bigint, number>();
  const committed: bigint[] = [];
  const published: { position: bigint; account: number }[] = [];
  let [xid, position] = [1n, 1n];

  const steps = {
    begin: () => {
      const account = random(6);
      if (running.some((one) => one.account === account)) return;
      running.push({ xid: xid++, account, positions: Array.from({ length: 1 + random(4) }, () => position++) });
    },
    end: () => {
      const [ended] = running.splice(random(running.length), 1);
      if (ended === undefined || random(5) === 0) return;
      committed.push(...ended.positions);
      for (const one of ended.positions) table.set(one, ended.account);
    },
    read: () => {
      const snapshot = { oldest: running.map((one) => one.xid).sort(byValue)[0] ?? xid, next: xid };
      const rows = [...table.keys()]
        .filter((one) => one > floor.position)
        .sort(byValue)
        .slice(0, 10);
      if (floor.hasGaps) floor.close(snapshot, rows, rows.length < 10 ? end : (rows.at(-1) ?? end), 0);
      for (const one of rows) published.push({ position: one, account: table.get(one) ?? -1 });
      for (const one of rows) table.delete(one);
      floor.settle(rows, 0);
    },
  };
  for (let step = 0; step < 3_000; step += 1) [steps.begin, steps.end, steps.read][random(3)]?.();
  while (running.length > 0) steps.end();
  for (let read = 0; read < 200; read += 1) steps.read();
  const isOrdered = [0, 1, 2, 3, 4, 5].every((account) => {
    const own = published.filter((one) => one.account === account).map((one) => one.position);
    return own.every((one, index) => index === 0 || (own[index - 1] ?? 0n) < one);
  });
  return {
    published: published.map((one) => one.position).sort(byValue),
    committed: committed.sort(byValue),
    isOrdered,
  };
}

const byValue = (one: bigint, other: bigint) => (one < other ? -1 : 1);

/** mulberry32 */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
