import { performance } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import { createPasswordDesk } from './password-desk.ts';
import { hashPassword, unmatchableHash, verifyPassword } from './password-hash.ts';
import { normalisePassword, passwordFault } from './password-policy.ts';
import { createLines, createTurns } from './turns.ts';

const onlyKnown = 'must be more than the name, the email address or the name of this bank';

describe('password policy', () => {
  it.each([
    ['seven77', 'must have at least 8 characters'],
    ['eight888', undefined],
    ['👍👍👍👍', 'must have at least 8 characters'],
    ['👍👍👍👍👍👍👍👍', undefined],
    ['x'.repeat(256), undefined],
    ['x'.repeat(257), 'must have at most 256 characters'],
    ['Anna@Example.com', 'must not be the email address'],
    ['password', 'is one of the most common passwords'],
    ['PassWord', 'is one of the most common passwords'],
    ['P@ssw0rd', 'is one of the most common passwords'],
    ['password2026!', 'is one of the most common passwords'],
    ['dragon#123', 'is one of the most common passwords'],
    ['12345678', 'is one of the most common passwords'],
    ['qwertyuiop', 'is one of the most common passwords'],
    ['11111111', 'is one of the most common passwords'],
    ['my password is long', undefined],
    ['password-of-the-monkey', undefined],
    ['florin2026', onlyKnown],
    ['Florin-Florin', onlyKnown],
    ['anna.1990', onlyKnown],
    ['Muster_Anna', onlyKnown],
    ['annaexample', onlyKnown],
    ['anna eats florins', undefined],
    ['susanna-1', undefined],
    ['48151623', undefined],
  ])('%s', (password, fault) => {
    expect(passwordFault(normalisePassword(password), { email: 'anna@example.com', name: 'Anna Muster' })).toBe(fault);
  });

  it('composed and decomposed characters are the same password', () => {
    expect(normalisePassword('Zu\u0308rich-Stra\u00dfe')).toBe(normalisePassword('Z\u00fcrich-Stra\u00dfe'));
  });
});

describe('password hashes', () => {
  it('are PHC strings of argon2id with 19 MiB and two passes, salted', async () => {
    const [first, second] = await Promise.all([hashPassword('same password'), hashPassword('same password')]);
    expect(first).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
    expect(first).not.toBe(second);
    expect(await verifyPassword('same password', first)).toBe(true);
    expect(await verifyPassword('some password', first)).toBe(false);
  });

  it('are read with the parameters they name', async () => {
    // From the test suite of the reference implementation.
    const stored = '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4';
    expect(await verifyPassword('password', stored)).toBe(true);
    expect(await verifyPassword('Password', stored)).toBe(false);
  });

  it('nothing fits the hash for unknown emails, and trying takes as long', async () => {
    const known = await hashPassword('the right password');
    const time = async (hash: string) => {
      const started = performance.now();
      await verifyPassword('a wrong password', hash);
      return performance.now() - started;
    };
    // In turn, and the fastest of each, so that a busy machine slows both alike; no hashing at all would be far below.
    let [knownMs, unknownMs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let round = 0; round < 8; round++) {
      knownMs = Math.min(knownMs, await time(known));
      unknownMs = Math.min(unknownMs, await time(unmatchableHash));
    }
    expect(unknownMs / knownMs).toBeGreaterThan(0.25);
    expect(unknownMs / knownMs).toBeLessThan(4);
  });

  it('a stored text that is no hash is an error that does not repeat it', async () => {
    await expect(verifyPassword('password', 'plain-text-canary')).rejects.toThrow(
      /^A stored password is not a PHC string/,
    );
  });
});

describe('password desk', () => {
  it('works on so many at a time and refuses who finds the queue full, at once', async () => {
    const desk = createPasswordDesk({ concurrency: 2, maxWaiting: 3 });
    const gate = Promise.withResolvers<void>();
    let [running, most] = [0, 0];
    const work = async () => {
      most = Math.max(most, ++running);
      await gate.promise;
      running -= 1;
    };
    const asked = Array.from({ length: 8 }, () => desk.withTurn(work));
    // None of the others ends before these are refused.
    const refused = await Promise.allSettled(asked.slice(5));
    for (const outcome of refused) {
      expect(outcome).toMatchObject({ reason: { code: 'upstream_unavailable', retryAfterSeconds: 1 } });
    }
    expect(running).toBe(2);
    gate.resolve();
    await Promise.all(asked.slice(0, 5));
    expect(most).toBe(2);
  });

  it('answers false without a stored hash', async () => {
    const desk = createPasswordDesk({ concurrency: 1, maxWaiting: 0 });
    expect(await desk.withTurn((passwords) => passwords.verify('any password', undefined))).toBe(false);
  });
});

describe('turns', () => {
  it('a work that throws gives its turn on', async () => {
    const turns = createTurns({ concurrency: 1, maxWaiting: 1 }, () => new Error('full'));
    await expect(turns.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await turns.run(async () => 'next')).toBe('next');
    expect(turns.size()).toBe(0);
  });

  it('nobody waits for longer than there is patience, and who has given up costs no work', async () => {
    const turns = createTurns({ concurrency: 1, maxWaiting: 100, patienceMs: 100 }, () => new Error('full'));
    const gate = Promise.withResolvers<void>();
    const first = turns.run(() => gate.promise);
    let begun = 0;
    const work = async () => {
      begun += 1;
    };
    const outcomes = await Promise.allSettled([turns.run(work), turns.run(work)]);
    expect(outcomes).toMatchObject([{ reason: { message: 'full' } }, { reason: { message: 'full' } }]);
    const inTime = turns.run(work);
    gate.resolve();
    await Promise.all([first, inTime]);
    expect([begun, turns.size()]).toEqual([1, 0]);
  });

  it('patience goes on from one queue to the next', async () => {
    const turns = createTurns({ concurrency: 1, maxWaiting: 10, patienceMs: 60_000 }, () => new Error('full'));
    const gate = Promise.withResolvers<void>();
    const first = turns.run(() => gate.promise);
    await expect(turns.run(async () => 'late', performance.now() - 60_001)).rejects.toThrow('full');
    const inTime = turns.run(async () => 'in time', performance.now() - 100);
    gate.resolve();
    await first;
    expect(await inTime).toBe('in time');

    const lines = createLines({ maxWaiting: 10 }, () => new Error('full'));
    const before = lines.run('a', async () => performance.now());
    const since = lines.run('a', async (askedAt) => askedAt);
    expect(await since).toBeLessThan(await before);
  });

  it('lines keep the works of one name apart in time and let other names pass', async () => {
    const lines = createLines({ maxWaiting: 10 }, () => new Error('full'));
    const order: string[] = [];
    const work = (name: string, ms: number) => async () => {
      order.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, ms));
      order.push(`${name} ends`);
    };
    await Promise.all([lines.run('a', work('a1', 20)), lines.run('a', work('a2', 0)), lines.run('b', work('b', 5))]);
    expect(order).toEqual(['a1 begins', 'b begins', 'b ends', 'a1 ends', 'a2 begins', 'a2 ends']);
  });
});
