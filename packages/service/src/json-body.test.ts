import Fastify from 'fastify';
import Type from 'typebox';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { body, optionalBody } from './schemas.ts';
import type { Server } from './server.ts';
import { testServer } from './testing.ts';

let app: Server;

beforeAll(async () => {
  app = testServer();
  const transfer = body({ amount: Type.String(), metadata: Type.Optional(Type.Record(Type.String(), Type.String())) });
  app.post('/transfers', { schema: { body: transfer } }, async (request) => request.body);
  app.post('/logout', { schema: {} }, async (_request, reply) => reply.code(204).send());
  app.post(
    '/freeze',
    { schema: { body: optionalBody({ reason: Type.Optional(Type.String()) }) } },
    async (request) => ({
      reason: request.body.reason ?? null,
    }),
  );
  app.post('/webhooks', { config: { rawBody: 'only' } }, async ({ rawBody, body: parsed }) => ({
    bytes: rawBody?.toString('latin1'),
    parsed: parsed ?? null,
  }));
  app.post('/signed', { config: { rawBody: true } }, async (request) => ({
    bytes: request.rawBody?.toString('utf8'),
    parsed: request.body,
  }));
  app.register(async (nested) => {
    nested.removeAllContentTypeParsers();
    nested.addContentTypeParser('*', (_request, stream, done) => done(null, stream));
    nested.post('/proxied', async (request, reply) => reply.send(request.body));
  });
  app.post('/batch', { bodyLimit: 1024 * 1024, schema: { body: transfer } }, async () => ({ ok: true }));
  await app.ready();
});
afterAll(() => app.close());

function post(url: string, payload: string | Buffer | undefined, contentType?: string) {
  const headers = contentType === undefined ? {} : { 'content-type': contentType };
  return app.inject({ method: 'POST', url, headers, ...(payload === undefined ? {} : { payload }) });
}

const json = 'application/json';

const ambiguousBodies: [name: string, payload: string | Buffer, pointer: string][] = [
  ['invalid JSON', '{"amount":', ''],
  ['a trailing comma', '{"amount":"1",}', ''],
  ['NaN', '{"amount":NaN}', ''],
  ['two values', '{"amount":"1"}{"amount":"2"}', ''],
  ['a byte order mark', '\ufeff{"amount":"1"}', ''],
  ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xc3, 0x28, 0x22, 0x7d]), ''],
  ['UTF-16', Buffer.from('{"amount":"1"}', 'utf16le'), ''],
  ['an overlong encoding', Buffer.from([0x22, 0xc0, 0xaf, 0x22]), ''],
  ['a surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), ''],
  ['a key given twice', '{"amount":"1","amount":"2"}', '/amount'],
  ['a key given twice, once escaped', '{"amount":"1","\\u0061mount":"2"}', '/amount'],
  ['NUL', '{"amount":"1\\u0000"}', '/amount'],
  ['a lone high surrogate', '{"amount":"\\ud83d"}', '/amount'],
  ['a lone low surrogate', '{"metadata":{"a":"\\ude00x"},"amount":"1"}', '/metadata/a'],
  ['NUL in a key', '{"amount":"1","a\\u0000":"1"}', '/?'],
  ['__proto__', '{"amount":"1","__proto__":{"admin":true}}', '/__proto__'],
  ['escaped __proto__', '{"amount":"1","\\u005f_proto__":{"admin":true}}', '/__proto__'],
  ['constructor.prototype', '{"amount":"1","metadata":{"constructor":{"prototype":{}}}}', '/metadata/constructor'],
  ['a thousand brackets', '['.repeat(1000) + ']'.repeat(1000), '/0'.repeat(100)],
  ['null', 'null', ''],
  ['an array', '[]', ''],
  ['a text', '"amount"', ''],
  ['nothing', '', ''],
];

describe('bodies that cannot be read in one way only are 400 validation_failed', () => {
  test.each(ambiguousBodies)('%s', async (_name, payload, pointer) => {
    const response = await post('/transfers', payload, json);
    expect(response.statusCode).toBe(400);
    expect(response.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(response.json()).toMatchObject({ code: 'validation_failed', status: 400, instance: '/transfers' });
    expect(response.json().errors[0].pointer).toBe(pointer);
    expect({}).not.toHaveProperty('admin');
  });

  test('control: a plain Fastify takes many of them', async () => {
    const plain = Fastify();
    onTestFinished(() => plain.close());
    const fields = { amount: { type: 'string' }, metadata: { type: 'object' } };
    const schema = { body: { type: 'object', required: ['amount'], properties: fields } };
    plain.post('/transfers', { schema }, async (request) => request.body);
    const taken: string[] = [];
    for (const [name, payload] of ambiguousBodies) {
      const headers = { 'content-type': json };
      const { statusCode } = await plain.inject({ method: 'POST', url: '/transfers', headers, payload });
      if (statusCode === 200) taken.push(name);
    }
    expect(taken).toEqual(
      expect.arrayContaining([
        ...['a byte order mark', 'a key given twice', 'a key given twice, once escaped'],
        ...['NUL', 'NUL in a key', 'a lone high surrogate', 'a lone low surrogate'],
      ]),
    );
  });

  test('control: what reaches for prototypes does so in a naive merge', () => {
    const merge = (target: Record<string, unknown>, source: Record<string, unknown>): void => {
      for (const [name, value] of Object.entries(source)) {
        if (typeof value !== 'object' || value === null) target[name] = value;
        else merge(target[name] as Record<string, unknown>, value as Record<string, unknown>);
      }
    };
    for (const [name, payload] of ambiguousBodies.filter(([one]) => one.endsWith('__proto__'))) {
      merge({}, JSON.parse(String(payload)));
      const polluted = Reflect.has({}, 'admin');
      Reflect.deleteProperty(Object.prototype, 'admin');
      expect(polluted, name).toBe(true);
    }
  });

  test('a whole emoji and escapes are fine', async () => {
    const response = await post('/transfers', '{"amount":"\\ud83d\\ude00 😀 \\n"}', json);
    expect(response.json()).toEqual({ amount: '😀 😀 \n' });
  });
});

describe('content types', () => {
  test.each([json, 'application/json; charset=utf-8', 'application/json;charset="UTF-8"', 'Application/JSON'])(
    '%s is taken',
    async (type) => expect((await post('/transfers', '{"amount":"1"}', type)).statusCode).toBe(200),
  );

  test.each([
    'text/plain',
    'text/json',
    'application/problem+json',
    'application/jsonx',
    'application/x-www-form-urlencoded',
    'application/json; charset=utf-16',
    'application/json; charset=iso-8859-1',
    'application/json; charset=utf-8; charset=utf-16',
    'application/json, text/plain',
    'multipart/form-data; boundary=application/json',
    'json',
    '',
    undefined,
  ])('%s is 415', async (type) => {
    const response = await post('/transfers', '{"amount":"1"}', type);
    expect(response.statusCode).toBe(415);
    expect(response.json()).toMatchObject({ code: 'unsupported_media_type' });
  });

  test('a route that needs a body and gets neither body nor type is 415', async () => {
    expect((await post('/transfers', undefined)).statusCode).toBe(415);
  });
});

describe('routes without a body', () => {
  test.each([
    [undefined, undefined],
    [undefined, json],
    ['', json],
    ['', 'application/x-www-form-urlencoded'],
    ['{}', json],
  ])('body %j of type %s is fine', async (payload, type) => {
    expect((await post('/logout', payload, type)).statusCode).toBe(204);
  });

  test('a body is 400, of another type 415', async () => {
    expect((await post('/logout', '{"all":true}', json)).json()).toMatchObject({ code: 'validation_failed' });
    expect((await post('/logout', 'all=true', 'application/x-www-form-urlencoded')).statusCode).toBe(415);
  });

  test('an optional body may be left out, and is checked when it is there', async () => {
    expect((await post('/freeze', undefined)).json()).toEqual({ reason: null });
    expect((await post('/freeze', '', json)).json()).toEqual({ reason: null });
    expect((await post('/freeze', '{"reason":"fraud"}', json)).json()).toEqual({ reason: 'fraud' });
    expect((await post('/freeze', '{"reason":1}', json)).statusCode).toBe(400);
  });
});

describe('raw bodies', () => {
  test("rawBody 'only' keeps bytes of any type and parses nothing", async () => {
    const response = await post('/webhooks', Buffer.from([0x7b, 0xff]), 'text/weird');
    expect(response.json()).toEqual({ bytes: '{\xff', parsed: null });
  });

  test('rawBody true keeps the bytes beside the parsed body', async () => {
    const response = await post('/signed', '{ "a": 1 }', json);
    expect(response.json()).toEqual({ bytes: '{ "a": 1 }', parsed: { a: 1 } });
  });
});

test('a nested plugin may take bodies as streams, as a proxy does', async () => {
  expect((await post('/proxied', '{"a":1,"a":2}', 'text/weird')).body).toBe('{"a":1,"a":2}');
  expect((await post('/transfers', '{"amount":"1","amount":"2"}', json)).statusCode).toBe(400);
});

describe('size', () => {
  const large = JSON.stringify({ amount: 'x'.repeat(64 * 1024) });

  test('over 64 KiB is 413 payload_too_large', async () => {
    const response = await post('/transfers', large, json);
    expect(response.statusCode).toBe(413);
    expect(response.json()).toMatchObject({ code: 'payload_too_large' });
  });

  test("a route's own bodyLimit counts", async () => {
    expect((await post('/batch', large, json)).statusCode).toBe(200);
  });
});
