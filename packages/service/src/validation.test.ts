import Fastify from 'fastify';
import Type from 'typebox';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { idempotencyHeader, requiredIdempotencyHeader, requireIdempotencyKey } from './idempotency.ts';
import { idSchema } from './ids.ts';
import { pageQuery } from './pagination.ts';
import { body } from './schemas.ts';
import type { Server } from './server.ts';
import { testServer } from './testing.ts';

const money = Type.String({ pattern: '^(0|[1-9][0-9]{0,14})(\\.[0-9]{1,8})?$' });
const kinds = Type.Union([Type.Literal('checking'), Type.Literal('savings')]);
let app: Server;

beforeAll(async () => {
  app = testServer();
  const transfer = body({
    amount: money,
    kind: Type.Optional(kinds),
    email: Type.Optional(Type.String({ format: 'email', maxLength: 254 })),
    count: Type.Optional(Type.Integer({ minimum: 1 })),
    items: Type.Optional(Type.Array(body({ amount: money }))),
    mode: Type.String({ default: 'atomic' }),
  });
  app.post('/transfers', { schema: { body: transfer } }, async (request) => request.body);
  const filters = Type.Object({
    ...pageQuery.properties,
    unread: Type.Optional(Type.Boolean()),
    type: Type.Optional(Type.Array(Type.String())),
    reference: Type.Optional(Type.String()),
  });
  app.get('/list', { schema: { querystring: filters } }, async (request) => request.query);
  app.get('/plain', { schema: {} }, async (request) => request.query);
  app.get('/accounts/:id', { schema: { params: Type.Object({ id: idSchema('acc') }) } }, async (r) => r.params);
  app.post('/keyed', { schema: { headers: requiredIdempotencyHeader } }, async (request) => ({
    key: requireIdempotencyKey(request),
  }));
  app.post('/maybe-keyed', { schema: { headers: idempotencyHeader } }, async () => ({}));
  await app.ready();
});
afterAll(() => app.close());

function send(payload: unknown) {
  return app.inject({
    method: 'POST',
    url: '/transfers',
    payload: JSON.stringify(payload),
    headers: { 'content-type': 'application/json' },
  });
}

const wrongMoney: [name: string, payload: string][] = [
  ['a number', '{"amount":10}'],
  ['a fraction', '{"amount":0.1}'],
  ['an exponent', '{"amount":1e2}'],
  ['minus zero', '{"amount":-0}'],
  ['a list of one text', '{"amount":["10"]}'],
  ['true', '{"amount":true}'],
  ['null', '{"amount":null}'],
  ['an object', '{"amount":{"value":"10"}}'],
  ['an exponent in the text', '{"amount":"1e2"}'],
  ['a sign', '{"amount":"+1"}'],
  ['a blank', '{"amount":" 1"}'],
  ['a line break', '{"amount":"1\\n"}'],
  ['a leading zero', '{"amount":"01"}'],
  ['other digits', '{"amount":"١٢"}'],
];

describe('bodies', () => {
  test.each(wrongMoney)('money as %s is refused at /amount and nothing is converted', async (_name, payload) => {
    const response = await app.inject({
      method: 'POST',
      url: '/transfers',
      payload,
      headers: { 'content-type': 'application/json' },
    });
    expect(response.statusCode).toBe(400);
    expect(response.json().errors).toEqual([{ pointer: '/amount', message: expect.any(String) }]);
  });

  test.each([
    [{ amount: '1', admin: true }, '/admin', 'is not a known field'],
    [{ amount: '1', 'a/b~': 1 }, '/a~1b~0', 'is not a known field'],
    [{}, '/amount', 'is required'],
    [{ amount: '1', count: '2' }, '/count', 'must be integer'],
    [{ amount: '1', count: 1.5 }, '/count', 'must be integer'],
    [{ amount: '1', count: 0 }, '/count', 'must be >= 1'],
    [{ amount: '1', kind: 'gold' }, '/kind', 'must be one of checking, savings'],
    [{ amount: '1', email: 'nobody' }, '/email', 'must be a valid email'],
    [{ amount: '1', items: [{ amount: '1' }, { amount: 1 }] }, '/items/1/amount', 'must be string'],
    [{ amount: '1', items: { 0: { amount: '1' } } }, '/items', 'must be array'],
  ])('%j → %s', async (payload, pointer, message) => {
    expect((await send(payload)).json().errors).toEqual([{ pointer, message }]);
  });

  test('control: a plain Fastify makes good money of some, and unknown fields vanish', async () => {
    const plain = Fastify();
    onTestFinished(() => plain.close());
    const schema = { body: { type: 'object', additionalProperties: false, properties: { amount: money } } };
    plain.post('/transfers', { schema }, async (request) => request.body);
    const post = (payload: string) =>
      plain.inject({ method: 'POST', url: '/transfers', headers: { 'content-type': 'application/json' }, payload });
    const taken: string[] = [];
    for (const [name, payload] of wrongMoney) if ((await post(payload)).statusCode === 200) taken.push(name);
    expect(taken).toEqual(['a number', 'a fraction', 'an exponent', 'minus zero', 'a list of one text']);
    expect((await post('{"amount":"1","admin":true}')).json()).toEqual({ amount: '1' });
  });

  test('defaults are filled in, nothing else is changed', async () => {
    expect((await send({ amount: '1.50', count: 3 })).json()).toEqual({ amount: '1.50', count: 3, mode: 'atomic' });
  });
});

describe('query strings', () => {
  test.each([
    ['', { limit: 25 }],
    ['?limit=3&unread=true', { limit: 3, unread: true }],
    ['?type=a', { limit: 25, type: ['a'] }],
    ['?type=a&type=b', { limit: 25, type: ['a', 'b'] }],
    ['?reference=007', { limit: 25, reference: '007' }],
  ])('%s is read as %j', async (query, expected) => {
    expect((await app.inject(`/list${query}`)).json()).toEqual(expected);
  });

  test.each([
    ['?limit=0', '/limit'],
    ['?limit=101', '/limit'],
    ['?limit=', '/limit'],
    ['?limit=1e1', '/limit'],
    ['?limit=0x10', '/limit'],
    ['?limit=%2010', '/limit'],
    ['?limit=1&limit=2', '/limit'],
    ['?unread=1', '/unread'],
    ['?reference=a&reference=b', '/reference'],
    ['?reference=a%00', '/reference'],
    ['?unknown=1', '/unknown'],
    ['?__proto__=1', '/__proto__'],
    ['?constructor=1', '/constructor'],
  ])('%s is 400 validation_failed at %s', async (query, pointer) => {
    const response = await app.inject(`/list${query}`);
    expect(response.statusCode).toBe(400);
    expect(response.json().code).toBe('validation_failed');
    expect(response.json().errors[0].pointer).toBe(pointer);
  });

  test('a route that declares no query takes none', async () => {
    expect((await app.inject('/plain')).statusCode).toBe(200);
    expect((await app.inject('/plain?a=1')).json().errors).toEqual([
      { pointer: '/a', message: 'is not a known field' },
    ]);
  });
});

describe('paths', () => {
  test.each([
    'x',
    'acc_01H455VB4PEX5VSKNK084SN02Q',
    'acc_01h455vb4pex5vsknk084sn02q%00',
    '%F0%9F%98%80',
    'a'.repeat(300),
  ])('an id that cannot exist (%s) is 404 not_found', async (id) => {
    const response = await app.inject(`/accounts/${id}`);
    expect(response.statusCode).toBe(404);
    expect(response.json()).toMatchObject({ code: 'not_found', detail: 'There is nothing here.' });
  });

  test('%zz is 400 validation_failed', async () => {
    const response = await app.inject('/accounts/%zz');
    expect(response.statusCode).toBe(400);
    expect(response.json()).toMatchObject({ code: 'validation_failed', instance: '/accounts/%zz' });
    expect(response.headers['x-content-type-options']).toBe('nosniff');
  });
});

describe('Idempotency-Key', () => {
  const keyed = (url: string, key?: string) =>
    app.inject({ method: 'POST', url, headers: key === undefined ? {} : { 'Idempotency-Key': key } });

  test('is handed on', async () => expect((await keyed('/keyed', 'a!~')).json()).toEqual({ key: 'a!~' }));

  test('missing where required is 400 idempotency_key_required', async () => {
    expect((await keyed('/keyed')).json()).toMatchObject({ status: 400, code: 'idempotency_key_required' });
    expect((await keyed('/maybe-keyed')).statusCode).toBe(200);
  });

  test.each(['', 'a b', 'é', 'x'.repeat(256)])('%j is 400 validation_failed', async (key) => {
    expect((await keyed('/keyed', key)).json()).toMatchObject({ status: 400, code: 'validation_failed' });
    expect((await keyed('/maybe-keyed', key)).json()).toMatchObject({ status: 400, code: 'validation_failed' });
  });
});
