import { expect, it } from 'vitest';
import { leaksIn } from './leaks.ts';

const canary = { name: 'the password', value: 'Canary+7f3e/92d1' };
const { value } = canary;

it.each([
  ['as it is', `said ${value}.`],
  ['in lower case', value.toLowerCase()],
  ['in hex', Buffer.from(`x${value}y`).toString('hex')],
  ['in base64', Buffer.from(`${value}!`).toString('base64')],
  ['in base64, one byte later', Buffer.from(`:${value}!`).toString('base64')],
  ['in base64, two bytes later', Buffer.from(`a:${value}!`).toString('base64')],
  ['in base64url', Buffer.from(`:${value}?`).toString('base64url')],
  ['percent-encoded', `?token=${encodeURIComponent(value)}&a=b`],
  ['as a buffer in JSON', JSON.stringify({ body: Buffer.from(`{"password":"${value}"}`) })],
])('a planted secret is found %s', (_name, text) => {
  expect(leaksIn({ 'the log': `before ${text} after`, events: 'nothing' }, [canary])).toEqual([
    'the password in the log',
  ]);
});

it('a text without it is clean, and what is too short to tell from chance is refused', () => {
  expect(leaksIn({ 'the log': 'Canary+7f3e and /92d1' }, [canary])).toEqual([]);
  expect(() => leaksIn({}, [{ name: 'the code', value: '12345' }])).toThrow('too short to search for: the code');
});
