import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAdaptiveHasher } from './adaptive-hasher.ts';
import type { PasswordHasher } from './password-hash.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

/** Says where it hashed, after so many milliseconds; fails where that is what it is to do. */
function place(name: 'idle' | 'normal', ms: () => number, fails = false): PasswordHasher {
  const work = async () => {
    await new Promise((resolve) => setTimeout(resolve, ms()));
    if (fails) throw new Error('ended');
    return name;
  };
  return { hash: work, verify: async () => (await work()) === 'normal' };
}

interface Hashed {
  readonly where: string;
  readonly startedAt: number;
  readonly tookMs: number;
}

/** Hashes one after the other until `seconds` have passed; one in idle time takes `idleMs` of the time when it begins. */
async function hashFor(seconds: number, idleMs: (now: number) => number, overdueMs?: number): Promise<Hashed[]> {
  const from = performance.now();
  const now = () => performance.now() - from;
  const hasher = createAdaptiveHasher({
    idle: place('idle', () => idleMs(now())),
    normal: place('normal', () => 100),
    ...(overdueMs !== undefined && { overdueMs }),
  });
  const hashes: Hashed[] = [];
  const all = async () => {
    while (now() < seconds * 1_000) {
      const startedAt = now();
      hashes.push({ where: await hasher.hash('a password'), startedAt, tookMs: now() - startedAt });
    }
  };
  const done = all();
  await vi.advanceTimersByTimeAsync(seconds * 1_000 + 20_000);
  await done;
  return hashes;
}

const count = (hashes: Hashed[], where: string) => hashes.filter((hash) => hash.where === where).length;

describe('a hasher that adapts', () => {
  it('stays with idle time while there is some, also where a hash takes ten times as long', async () => {
    expect(count(await hashFor(20, (now) => (now > 5_000 ? 400 : 40)), 'normal')).toBe(0);
  });

  it('takes its turn where there is next to none, from the first hash on, and nobody waits long', async () => {
    const hashes = await hashFor(60, () => 6_000);
    expect(count(hashes, 'idle')).toBe(0);
    expect(hashes.length).toBeGreaterThan(500);
    expect(Math.max(...hashes.map(({ tookMs }) => tookMs))).toBeLessThan(700);
    // Control: were nothing ever overdue, few would come.
    expect((await hashFor(60, () => 6_000, 60_000)).length).toBeLessThanOrEqual(10);
  });

  it('goes back when there is idle time again', async () => {
    const hashes = await hashFor(60, (now) => (now < 10_000 ? 6_000 : 40));
    expect(hashes.filter(({ startedAt }) => startedAt < 10_000).length).toBeGreaterThan(50);
    expect(
      count(
        hashes.filter(({ startedAt }) => startedAt > 35_000),
        'normal',
      ),
    ).toBe(0);
  });

  it('an error in time is an error; one that comes too late is nobody’s', async () => {
    const quick = createAdaptiveHasher({ idle: place('idle', () => 40, true), normal: place('normal', () => 100) });
    const failed = expect(quick.hash('a password')).rejects.toThrow('ended');
    await vi.advanceTimersByTimeAsync(40);
    await failed;
    const slow = createAdaptiveHasher({ idle: place('idle', () => 900, true), normal: place('normal', () => 100) });
    const compared = slow.verify('a password', 'a hash');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await compared).toBe(true);
  });
});
