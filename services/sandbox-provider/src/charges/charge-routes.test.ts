import { randomUUID } from 'node:crypto';
import { eventually, type TestDatabase } from '@florin/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  apiKey,
  createProviderDatabase,
  openProvider,
  type Receiver,
  startReceiver,
} from '../testing/test-provider.ts';

let database: TestDatabase;
let receiver: Receiver;
let provider: Awaited<ReturnType<typeof openProvider>>;

beforeAll(async () => {
  database = await createProviderDatabase();
  receiver = await startReceiver();
  provider = await openProvider(database.url, receiver.url);
});

afterAll(async () => {
  await provider?.close();
  await receiver?.close();
  await database?.drop();
});

const order = (changes: object = {}) => ({
  reference: randomUUID(),
  amount: '1250',
  currency: 'USD',
  source: { type: 'card', token: 'tok_silent' },
  ...changes,
});

const post = (payload: object, key: string = apiKey) =>
  provider.app.inject({ method: 'POST', url: '/charges', headers: { 'x-api-key': key }, payload });

const find = (reference: string, key: string = apiKey) =>
  provider.app.inject({ method: 'GET', url: '/charges', query: { reference }, headers: { 'x-api-key': key } });

describe('POST /charges', () => {
  test('202 pending with an id of its own', async () => {
    const answer = await post(order());
    expect(answer.statusCode).toBe(202);
    expect(answer.json()).toEqual({ id: expect.stringMatching(/^ch_[0-9a-f]{32}$/), status: 'pending' });
  });

  test('the same charge again is the first one, also twenty times at once', async () => {
    const same = order();
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(same)));
    expect(new Set(answers.map((answer) => answer.statusCode))).toEqual(new Set([202]));
    expect(new Set(answers.map((answer) => answer.json().id)).size).toBe(1);
  });

  test.each([
    ['amount', { amount: '1251' }],
    ['currency', { currency: 'EUR' }],
    ['token', { source: { type: 'card', token: 'tok_ok' } }],
  ])('409 reference_taken for another %s under the same reference', async (_name, change) => {
    const first = order();
    await post(first);
    const answer = await post({ ...first, ...change });
    expect(answer.statusCode).toBe(409);
    expect(answer.json().error.code).toBe('reference_taken');
  });

  test('422 invalid_source for an unknown token, and no charge is kept', async () => {
    const unknown = order({ source: { type: 'card', token: 'tok_unknown' } });
    const answer = await post(unknown);
    expect(answer.statusCode).toBe(422);
    expect(answer.json().error.code).toBe('invalid_source');
    expect((await find(unknown.reference)).statusCode).toBe(404);
  });

  test.each([[{ amount: '0' }], [{ amount: '12.50' }], [{ amount: 1250 }], [{ currency: 'usd' }], [{ more: 1 }]])(
    '400 for %j',
    async (change) => {
      expect((await post(order(change))).statusCode).toBe(400);
    },
  );

  test.each(['', 'wrong', `${apiKey}x`, apiKey.slice(1)])('401 with the API key %j', async (key) => {
    const payload = order();
    expect((await post(payload, key)).statusCode).toBe(401);
    expect((await find(payload.reference, key)).statusCode).toBe(401);
    expect((await find(payload.reference)).statusCode).toBe(404);
  });
});

describe('tok_timeout', () => {
  test('the answer is held back, the charge is there meanwhile, and a stop of the process waits for neither', async () => {
    const own = await openProvider(database.url, receiver.url);
    const payload = order({ source: { type: 'card', token: 'tok_timeout' } });
    const startedAt = Date.now();
    let answeredAt: number | undefined;
    const held = own.app
      .inject({ method: 'POST', url: '/charges', headers: { 'x-api-key': apiKey }, payload })
      .then((answer) => {
        answeredAt = Date.now();
        return answer;
      });
    await eventually(async () => expect((await find(payload.reference)).json().status).toBe('succeeded'));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(answeredAt).toBeUndefined();
    await own.close();
    expect((await held).statusCode).toBe(202);
    expect(Date.now() - startedAt).toBeLessThan(8_000);
  });
});

describe('GET /charges', () => {
  test('a charge that never calls back is known when asked for', async () => {
    const payload = order();
    const { id } = (await post(payload)).json();
    expect((await find(payload.reference)).json()).toEqual({
      id,
      reference: payload.reference,
      amount: '1250',
      currency: 'USD',
      status: 'succeeded',
      createdAt: expect.any(String),
    });
  });

  test('a declined charge tells why', async () => {
    const payload = order({ source: { type: 'card', token: 'tok_declined' } });
    await post(payload);
    expect((await find(payload.reference)).json()).toMatchObject({
      status: 'failed',
      failure: { code: 'card_declined' },
    });
  });

  test('a slow charge is pending until it settles', async () => {
    const payload = order({ source: { type: 'card', token: 'tok_slow' } });
    await post(payload);
    const found = (await find(payload.reference)).json();
    expect(found.status).toBe('pending');
    expect(found).not.toHaveProperty('failure');
  });
});
