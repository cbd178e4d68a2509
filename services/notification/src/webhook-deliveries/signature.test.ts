import { randomBytes } from 'node:crypto';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { deriveWebhookKeys, openSecret, sealSecret, shownSecret } from '../webhook-endpoints/endpoint-secrets.ts';
import { signatureHeaders } from './signature.ts';

describe('the signature of a webhook', () => {
  it('is, byte for byte, the one that the specification publishes', () => {
    const secret = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');
    const message = {
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      at: new Date(1_614_265_330_999),
      body: '{"test": 2432232314}',
    };
    expect(signatureHeaders(message, [secret])).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  const [current, previous] = [randomBytes(32), randomBytes(32)];
  const message = { id: 'evt_1', at: new Date(), body: '{"type":"webhook.test","data":{"name":"Zoë 💶"}}' };
  const verify = (secret: Buffer, headers: Record<string, string>, body = message.body) =>
    new Webhook(shownSecret(secret)).verify(body, headers);

  it('is good for the reference library with each of the secrets, the newest first', () => {
    const headers = signatureHeaders(message, [current, previous]);
    expect(verify(current, headers)).toEqual(JSON.parse(message.body));
    expect(verify(previous, headers)).toEqual(JSON.parse(message.body));
    const [first, second, ...others] = headers['webhook-signature']?.split(' ') ?? [];
    expect(others).toEqual([]);
    expect(first).toBe(signatureHeaders(message, [current])['webhook-signature']);
    expect(second).toBe(signatureHeaders(message, [previous])['webhook-signature']);
  });

  it('control: is not with another secret, id, time or byte', () => {
    const headers = signatureHeaders(message, [current]);
    const later = String(Number(headers['webhook-timestamp']) + 1);
    for (const [secret, changed, body] of [
      [previous, headers, message.body],
      [current, { ...headers, 'webhook-id': 'evt_2' }, message.body],
      [current, { ...headers, 'webhook-timestamp': later }, message.body],
      [current, headers, message.body.replace('":', '": ')],
    ] as const) {
      expect(() => verify(secret, changed, body)).toThrow(WebhookVerificationError);
    }
  });
});

describe('the secret of an endpoint', () => {
  it('lies encrypted, bound to its endpoint and to the key', () => {
    const [keys, others] = [randomBytes(32), randomBytes(32)].map(deriveWebhookKeys);
    if (!keys || !others) throw new Error('two keys were made');
    const secret = randomBytes(32);
    const sealed = sealSecret(keys, 'one', secret);
    expect(sealed.includes(secret)).toBe(false);
    expect(openSecret(keys, 'one', sealed)).toEqual(secret);
    expect(() => openSecret(keys, 'other', sealed)).toThrow();
    expect(() => openSecret(others, 'one', sealed)).toThrow();
  });
});
