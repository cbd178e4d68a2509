import { describe, expect, it } from 'vitest';
import { afterSuccess, type GuessRecord, guessesPerDay, noGuesses, takeGuess } from './lockout.ts';

const start = Date.parse('2026-11-20T00:00:00.000Z');
const hour = 3_600_000;

/** Guesses as soon as each guess is allowed until `until`; returns when each was looked at. */
function attack(record: GuessRecord, from: number, until: number): { times: number[]; record: GuessRecord } {
  const times: number[] = [];
  let current = record;
  let now = from;
  while (now < until) {
    const verdict = takeGuess(current, new Date(now));
    if (verdict.allowed) {
      times.push(now);
      current = verdict.record;
    } else {
      now += verdict.retryAfterMs;
    }
  }
  return { times, record: current };
}

describe('takeGuess', () => {
  it('ten guesses are free, then each costs 30 s, 60 s, 120 s … an hour at most', () => {
    const { times } = attack(noGuesses(new Date(start)), start, start + 5 * hour);
    expect(times.slice(0, 10).every((time) => time === start)).toBe(true);
    const pauses = times.slice(9, 20).map((time, index) => (times[index + 10] ?? Number.NaN) - time);
    expect(pauses.slice(0, 9)).toEqual([30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600].map((s) => s * 1_000));
  });

  it('no patience gets more than 100 guesses in 24 hours', () => {
    // An hour of quiet after the lock forgets the row of failures: the best that patience does is ten guesses an hour.
    let record = noGuesses(new Date(start));
    let looked = 0;
    for (let time = start; time < start + 24 * hour; time += hour + 30_000) {
      for (let guess = 0; guess < 10; guess += 1) {
        const verdict = takeGuess(record, new Date(time));
        if (!verdict.allowed) continue;
        looked += 1;
        record = verdict.record;
      }
    }
    expect(looked).toBe(guessesPerDay);
    const refused = takeGuess(record, new Date(start + 23 * hour));
    expect(refused).toEqual({ allowed: false, retryAfterMs: hour });
    expect(takeGuess(record, new Date(start + 24 * hour))).toMatchObject({ allowed: true, record: { dayGuesses: 1 } });
  });

  it('a success forgets the failures but not the other wrong guesses of the day', () => {
    const { record } = attack(noGuesses(new Date(start)), start, start + 1);
    expect(record).toMatchObject({ failures: 10, dayGuesses: 10 });
    const after = afterSuccess(record);
    expect(after).toMatchObject({ failures: 0, lockedUntil: null, dayGuesses: 9 });
    expect(takeGuess(after, new Date(start + 1))).toMatchObject({
      allowed: true,
      record: { failures: 1, lockedUntil: null },
    });
  });

  it('a refused guess changes nothing and names the time left', () => {
    const { record } = attack(noGuesses(new Date(start)), start, start + 1);
    expect(takeGuess(record, new Date(start + 10_000))).toEqual({ allowed: false, retryAfterMs: 20_000 });
  });
});
