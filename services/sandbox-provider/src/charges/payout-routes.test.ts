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

const order = (destination: object, changes: object = {}) => ({
  reference: randomUUID(),
  amount: '1250',
  currency: 'USD',
  destination: { type: 'bank_account', ...destination },
  ...changes,
});
const post = (payload: object) =>
  provider.app.inject({ method: 'POST', url: '/payouts', headers: { 'x-api-key': apiKey }, payload });
const find = (kind: string, reference: string) =>
  provider.app.inject({ method: 'GET', url: `/${kind}`, query: { reference }, headers: { 'x-api-key': apiKey } });
const told = (reference: string) =>
  receiver.received.map(({ body }) => JSON.parse(body)).filter((event) => event.data.reference === reference);

describe('POST /payouts', () => {
  test.each([
    ['a token', { token: 'tok_ok' }],
    ['an IBAN', { iban: 'GB82WEST12345698765432' }],
  ])('202 for %s, and payout.succeeded by webhook', async (_, destination) => {
    const wish = order(destination);
    const answer = await post(wish);
    expect([answer.statusCode, answer.json()]).toEqual([
      202,
      { id: expect.stringMatching(/^po_[0-9a-f]{32}$/), status: 'pending' },
    ]);
    await eventually(async () => expect(told(wish.reference)).toHaveLength(1));
    expect(told(wish.reference)).toMatchObject([
      { type: 'payout.succeeded', data: { id: answer.json().id, amount: '1250', status: 'succeeded' } },
    ]);
    expect((await find('payouts', wish.reference)).json()).toMatchObject({ status: 'succeeded' });
    expect((await find('charges', wish.reference)).statusCode).toBe(404);
  });

  test('tok_declined › payout.failed with code card_declined', async () => {
    const wish = order({ token: 'tok_declined' });
    await post(wish);
    await eventually(async () => expect(told(wish.reference)).toHaveLength(1));
    expect(told(wish.reference)).toMatchObject([
      { type: 'payout.failed', data: { status: 'failed', failure: { code: 'card_declined' } } },
    ]);
  });

  test('the same order again is the first payout; another under its reference is 409', async () => {
    const wish = order({ token: 'tok_silent' });
    const [first, again] = [await post(wish), await post(wish)];
    expect(again.json().id).toBe(first.json().id);
    expect((await post({ ...wish, amount: '1' })).statusCode).toBe(409);
  });

  test.each([
    [422, { token: 'tok_unknown' }],
    [422, { token: 'GB82WEST12345698765432x' }],
    [400, { iban: 'nonsense' }],
    [400, {}],
    [400, { token: 'tok_ok', iban: 'GB82WEST12345698765432' }],
  ])('%i for the destination %j', async (status, destination) => {
    expect((await post(order(destination))).statusCode).toBe(status);
  });
});
