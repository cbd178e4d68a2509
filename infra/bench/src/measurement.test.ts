import { describe, expect, test } from 'vitest';
import { median, medianOf, percentile } from './measurement.ts';

const run = { perSecond: 100, p50: 1, p99: 2, batchSize: null, notes: [] };

describe('measurements', () => {
  test('the median is the middle value, or the mean of the two in the middle', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([9, 1, 5, 7])).toBe(6);
    expect(median([])).toBeNaN();
  });

  test('a percentile is a value that was measured, the last one for the whole', () => {
    const sorted = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    expect(percentile(sorted, 0.5)).toBe(5);
    expect(percentile(sorted, 0.99)).toBe(10);
    expect(percentile(sorted, 1)).toBe(10);
    expect(percentile([], 0.5)).toBeNull();
  });

  test('runs become one by medians of each figure, with every note once', () => {
    const runs = [
      { ...run, cpu: { gateway: 10 }, notes: ['2 × 503'] },
      { ...run, perSecond: 300, p99: null, cpu: { gateway: 30, postgres: 5 }, notes: ['2 × 503'] },
      { ...run, perSecond: 200, p99: 6 },
    ];
    expect(medianOf(runs)).toEqual({
      perSecond: 200,
      p50: 1,
      p99: 4,
      batchSize: null,
      cpu: { gateway: 20, postgres: 5 },
      notes: ['2 × 503'],
    });
  });
});
