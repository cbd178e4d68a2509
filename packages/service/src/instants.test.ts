import { expect, test } from 'vitest';
import { formatInstant } from './instants.ts';

test('instants are written as toISOString does, whichever came before', () => {
  const [one, other] = [new Date('2026-11-20T10:00:00.007Z'), new Date('1969-12-31T23:59:59.999Z')];
  for (const instant of [one, one, other, new Date(one), other]) {
    expect(formatInstant(instant)).toBe(instant.toISOString());
  }
});

test('a date that is none is refused', () => {
  expect(() => formatInstant(new Date(Number.NaN))).toThrow(RangeError);
});
