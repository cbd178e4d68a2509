import { describe, expect, test } from 'vitest';
import { parts, readOptions } from './options.ts';

describe('options of the benchmark', () => {
  test('without any, everything runs, and it ends within ten minutes', () => {
    const options = readOptions([]);
    expect(options.only).toEqual([...parts]);
    expect(options.limitSeconds).toBeLessThan(600);
  });

  test('what pnpm puts in front of them is no option', () => {
    expect(readOptions(['--', '--only', 'engine,proxy', '--seconds', '2'])).toMatchObject({
      only: ['engine', 'proxy'],
      seconds: 2,
    });
  });

  test.each([
    [['--only', 'engines'], '--only takes'],
    [['--seconds', '0'], '--seconds takes 1 to 60, not 0.'],
    [['--rounds', 'two'], '--rounds takes 1 to 9, not two.'],
    [['--transport', 'kafka'], '--transport takes'],
  ])('%s is refused', (words, message) => {
    expect(() => readOptions(words)).toThrow(message);
  });
});
