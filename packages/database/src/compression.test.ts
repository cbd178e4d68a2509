import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { compressText, decompressText } from './compression.ts';

test.each([
  ['nothing', ''],
  ['ASCII', 'transfer'],
  ['two and three bytes a character', 'Zürich, 10 €'],
  ['four bytes a character', '\u{1f4b6}'.repeat(3)],
  ['more than the buffers hold at first', JSON.stringify(Array.from({ length: 50_000 }, (_, number) => `€${number}`))],
])('%s comes back', (_, text) => {
  expect(decompressText(compressText(text)).toString()).toBe(text);
});

test('what a call leaves behind until the next full collection is small', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as NonNullable<typeof gc>;
  const calls = 200;
  const text = JSON.stringify(Array.from({ length: 60 }, (_, number) => ({ number, id: `txn_${number}` })));
  collect({ type: 'major' });
  const before = process.memoryUsage().arrayBuffers;
  for (let call = 0; call < calls; call += 1) {
    decompressText(compressText(text));
    // Something else that takes from the pool, as a service does all the time.
    Buffer.allocUnsafe(20_000);
  }
  for (let round = 0; round < 3; round += 1) collect({ type: 'minor' });
  expect((process.memoryUsage().arrayBuffers - before) / calls).toBeLessThan(16 * 1024);
});
