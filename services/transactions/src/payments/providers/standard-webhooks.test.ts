import { createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, test } from 'vitest';
import { hasValidSignature, webhookKey } from './standard-webhooks.ts';

// The vector that the Standard Webhooks specification publishes.
const key = webhookKey('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
const rawBody = Buffer.from('{"test": 2432232314}');
const headers = {
  'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  'webhook-timestamp': '1614265330',
  'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};
const signedAt = 1_614_265_330_000;
const at = (milliseconds: number) => new Date(signedAt + milliseconds);

const forgedHeaders: [name: string, headers: IncomingHttpHeaders][] = [
  ['another id', { ...headers, 'webhook-id': 'msg_other' }],
  ['another time', { ...headers, 'webhook-timestamp': '1614265331' }],
  ['a time that is no number', { ...headers, 'webhook-timestamp': '1614265330.0' }],
  ['no id', { ...headers, 'webhook-id': undefined }],
  ['no time', { ...headers, 'webhook-timestamp': undefined }],
  ['no signature', { ...headers, 'webhook-signature': undefined }],
  ['an empty signature', { ...headers, 'webhook-signature': '' }],
  ['an unknown version', { ...headers, 'webhook-signature': headers['webhook-signature'].replace('v1', 'v2') }],
  ['a shortened signature', { ...headers, 'webhook-signature': 'v1,g0hM9SsE' }],
];

describe('hasValidSignature', () => {
  test("accepts the specification's own vector", () => {
    expect(hasValidSignature(key, headers, rawBody, at(0))).toBe(true);
  });

  test('accepts one fitting signature among several', () => {
    const several = `v1,AAAA v1a,whatever ${headers['webhook-signature']}`;
    expect(hasValidSignature(key, { ...headers, 'webhook-signature': several }, rawBody, at(0))).toBe(true);
  });

  test.each([
    ['five minutes later', 300_000, true],
    ['a millisecond more than five minutes later', 300_001, false],
    ['more than five minutes before', -300_001, false],
  ])('%s', (_name, milliseconds, valid) => {
    expect(hasValidSignature(key, headers, rawBody, at(milliseconds))).toBe(valid);
  });

  test.each(forgedHeaders)('refuses %s', (_name, changed) => {
    expect(hasValidSignature(key, changed, rawBody, at(0))).toBe(false);
  });

  test('refuses another body, also one that differs in blanks only', () => {
    expect(hasValidSignature(key, headers, Buffer.from('{"test":2432232314}'), at(0))).toBe(false);
  });

  test('refuses a signature made with another key', () => {
    const signature = createHmac('sha256', 'another').update(`${headers['webhook-id']}.1614265330.`).update(rawBody);
    const forged = { ...headers, 'webhook-signature': `v1,${signature.digest('base64')}` };
    expect(hasValidSignature(key, forged, rawBody, at(0))).toBe(false);
  });

  /** Signs what `content` makes of a request, and compares the shorter of both: what a hasty verifier might do. */
  function isAccepted(content: (id: string, timestamp: string, body: Buffer) => string, { headers: of, body }: Signed) {
    const [id, timestamp, given] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) =>
      String(of[name] ?? ''),
    );
    const expected = createHmac('sha256', key)
      .update(content(id ?? '', timestamp ?? '', body))
      .digest('base64');
    return expected.startsWith((given ?? '').replace('v1,', ''));
  }

  interface Signed {
    readonly headers: IncomingHttpHeaders;
    readonly body: Buffer;
  }

  test('control: verifiers that leave something out accept what is refused here', () => {
    const whole = (id: string, timestamp: string, body: Buffer) => `${id}.${timestamp}.${body}`;
    const accepted = forgedHeaders.filter(([, changed]) => isAccepted(whole, { headers: changed, body: rawBody }));
    expect(accepted.map(([name]) => name)).toEqual(['no signature', 'an empty signature', 'a shortened signature']);
    // One that signs the body as it has read it, and one that signs no id and time, so that any will do.
    const asRead = (body: Buffer) => JSON.stringify(JSON.parse(String(body)));
    const signed = (text: string) => `v1,${createHmac('sha256', key).update(text).digest('base64')}`;
    const reread = { ...headers, 'webhook-signature': signed(whole('1', '2', Buffer.from(asRead(rawBody)))) };
    const ids = { 'webhook-id': '1', 'webhook-timestamp': '2' };
    const other = Buffer.from('{ "test": 2432232314 }');
    expect(
      isAccepted((id, at, body) => whole(id, at, Buffer.from(asRead(body))), {
        headers: { ...reread, ...ids },
        body: other,
      }),
    ).toBe(true);
    const bodyOnly = { ...headers, 'webhook-signature': signed(String(rawBody)), 'webhook-timestamp': '1' };
    expect(isAccepted((_id, _at, body) => String(body), { headers: bodyOnly, body: rawBody })).toBe(true);
    for (const forged of [reread, bodyOnly]) expect(hasValidSignature(key, forged, other, at(0))).toBe(false);
  });
});
