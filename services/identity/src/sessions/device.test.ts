import { expect, it } from 'vitest';
import { deviceOf } from './device.ts';

it.each([
  ['Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0', 'Firefox on Linux'],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
    'Safari on iOS',
  ],
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0',
    'Microsoft Edge on Windows',
  ],
  ['curl/8.5.0', null],
  ['Florin/1.0', null],
  ['Mozilla/5.0 (', null],
  [null, null],
])('%s is %s', (userAgent, device) => {
  expect(deviceOf(userAgent)).toBe(device);
});

it('takes no longer for a text that was made to be slow', () => {
  const startedAt = performance.now();
  for (const piece of ['a', ' ', '(', 'Version/1.', 'Linux; Android 1', 'Mozilla/5.0 (', '0.']) {
    deviceOf(piece.repeat(200).slice(0, 200));
  }
  expect(performance.now() - startedAt).toBeLessThan(500);
});
