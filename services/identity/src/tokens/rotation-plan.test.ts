import { describe, expect, it } from 'vitest';
import { type KeyTimes, nextRotation, planRotation, type RotationRules, signingKey } from './rotation-plan.ts';

const hour = 3_600_000;
const day = 24 * hour;
const now = new Date('2026-11-20T12:00:00.000Z');
const rules: RotationRules = { periodMs: 30 * day, leadMs: hour };
const after = (ms: number) => new Date(now.getTime() + ms);
/** Keys that begin to sign so many milliseconds from now, the newest first. */
const keys = (...begins: number[]): KeyTimes[] => begins.map((ms) => ({ kid: `${ms / hour} h`, notBefore: after(ms) }));
const plan = (held: KeyTimes[], changes: Partial<RotationRules> = {}) =>
  planRotation(held, now, { ...rules, ...changes });

describe('the next key is made a lead before it signs', () => {
  it.each<[string, KeyTimes[], Date | undefined]>([
    ['a young key', keys(-day), undefined],
    ['a moment before the lead', keys(-30 * day + hour + 1), undefined],
    ['at the lead', keys(-30 * day + hour), after(hour)],
    ['within the lead: the whole lead all the same', keys(-30 * day + hour / 2), after(hour)],
    ['long overdue', keys(-90 * day), after(hour)],
    ['another waits for its time', keys(hour / 2, -30 * day), undefined],
    ['an old one beside the young one', keys(-day, -40 * day), undefined],
    ['no key at all: the first one is made at the start', [], undefined],
  ])('%s', (_name, held, add) => expect(plan(held).add).toEqual(add));

  it('never without a schedule', () => expect(plan(keys(-900 * day), { periodMs: undefined }).add).toBeUndefined());
});

describe('a key is retired when every token that it signed has expired', () => {
  // The longest life of a token, and a minute for clocks that differ.
  const over = hour + 60_000;
  it.each<[string, KeyTimes[], string[]]>([
    ['the only key', keys(-90 * day), []],
    ['its successor waits for its time', keys(1, -90 * day), []],
    ['its successor has just begun', keys(0, -day), []],
    ['a moment too early', keys(-over + 1, -day), []],
    ['after the longest life', keys(-over, -day), ['-24 h']],
    ['several at once, also behind a key that has just begun', keys(-1, -over, -day, -2 * day), ['-24 h', '-48 h']],
  ])('%s', (_name, held, retire) => expect(plan(held).retire).toEqual(retire));

  it('also without a schedule', () => {
    expect(plan(keys(-over, -day), { periodMs: undefined }).retire).toEqual(['-24 h']);
  });
});

it('the newest key whose time has come signs, and the next rotation follows from the newest of all', () => {
  const held = keys(hour, -hour, -day);
  expect(signingKey(held, now)?.kid).toBe('-1 h');
  expect(signingKey(keys(hour), now)).toBeUndefined();
  expect(nextRotation(held, now, rules)).toEqual(after(hour));
  expect(nextRotation(keys(-hour), now, rules)).toEqual(after(30 * day - hour));
  expect(nextRotation(keys(-hour), now, { ...rules, periodMs: undefined })).toBeUndefined();
});
