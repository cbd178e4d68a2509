import { randomUUID } from 'node:crypto';
import { createClient } from '@florin/client';
import { eventually, type Fleet, startFleet } from '@florin/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newCustomer } from './people.ts';

let fleet: Fleet;
let ada: Awaited<ReturnType<typeof newCustomer>>;
let grace: Awaited<ReturnType<typeof newCustomer>>;
let operatorToken: string;

beforeAll(async () => {
  const env = { TRANSFER_FEE: 'USD:0.25', APPROVAL_THRESHOLD: 'USD:100.00' };
  fleet = await startFleet({ transport: 'embedded', env });
  ada = await newCustomer(fleet, 'Ada', '1000.00');
  grace = await newCustomer(fleet, 'Grace', '1.00');
  operatorToken = (await createClient({ baseUrl: fleet.gateway }).login(fleet.admin)).accessToken;
});
afterAll(() => fleet?.stop());

async function call(request: string, body?: unknown, token = ada.accessToken) {
  const [method = 'GET', path = ''] = request.split(' ');
  const response = await fetch(`${fleet.gateway}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      'idempotency-key': randomUUID(),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const wish = (amount: string, more: Record<string, unknown> = {}) => ({
  from: ada.account.id,
  to: grace.account.id,
  amount,
  currency: 'USD',
  ...more,
});

/** The balance that the service accounts shows, which hears of it by event. */
const shown = async (account = ada) =>
  (await call(`GET /v1/accounts/${account.account.id}`, undefined, account.accessToken)).body.balance;

describe('the rules of money, through the whole fleet', () => {
  it('a limit that an operator sets holds in the ledger once it is answered', async () => {
    const limits = { perTransaction: '50.00', daily: null, monthly: null };
    const set = await call(`PUT /v1/accounts/${ada.account.id}/limits`, { perTransaction: '50.00' }, operatorToken);
    expect(set).toMatchObject({ status: 200, body: { limits } });
    const refused = await call('POST /v1/transfers', wish('50.01'));
    expect(refused).toMatchObject({ status: 422, body: { code: 'limit_exceeded' } });
    const lifted = await call(`PUT /v1/accounts/${ada.account.id}/limits`, { perTransaction: null }, operatorToken);
    expect(lifted.status).toBe(200);
    expect((await call('POST /v1/transfers', wish('50.01'))).status).toBe(201);
    await eventually(async () => expect(await shown()).toMatchObject({ posted: '949.74' }));
  });

  it('a dry run says what a transfer would cost, and nothing moves', async () => {
    const dry = await call('POST /v1/transfers?dryRun=true', wish('10.00'));
    expect(dry).toMatchObject({ status: 200, body: { dryRun: true, status: 'posted' } });
    const entries = dry.body.entries as { account: string; amount: string }[];
    expect(entries).toContainEqual({ account: 'fees:USD', amount: '0.25' });
    expect(await shown()).toMatchObject({ posted: '949.74' });
  });

  it('a batch of 200 KiB comes through the gateway, and everybody’s balance follows', async () => {
    const text = { metadata: { note: 'x'.repeat(500) }, description: 'pay' };
    const transfers = Array.from({ length: 300 }, () => wish('0.01', text));
    const answer = await call('POST /v1/transfers/batch', { mode: 'atomic', transfers });
    expect(answer.status).toBe(200);
    expect(answer.body.results).toHaveLength(300);
    // 300 × (0.01 + 0.25)
    await eventually(async () => expect(await shown()).toMatchObject({ posted: '871.74' }));
    const atomic = await call('POST /v1/transfers/batch', {
      mode: 'atomic',
      transfers: [wish('1.00'), wish('99999.00')],
    });
    expect(atomic).toMatchObject({ status: 422, body: { code: 'insufficient_funds', index: 1 } });
  });

  it('a transfer above the threshold holds its funds until an operator approves it', async () => {
    const { body: waiting, status } = await call('POST /v1/transfers', wish('200.00'));
    expect([status, waiting.status]).toEqual([201, 'pending_approval']);
    await eventually(async () => expect(await shown()).toMatchObject({ posted: '871.74', held: '200.25' }));
    const queue = await call('GET /v1/transactions?status=pending_approval', undefined, operatorToken);
    expect(queue.body.data).toMatchObject([{ id: waiting.id }]);
    expect((await call(`POST /v1/transactions/${waiting.id}/approve`)).status).toBe(403);
    const approved = await call(`POST /v1/transactions/${waiting.id}/approve`, { reason: 'known' }, operatorToken);
    expect(approved).toMatchObject({ status: 200, body: { id: waiting.id, status: 'posted' } });
    await eventually(async () => expect(await shown()).toMatchObject({ posted: '671.49', held: '0.00' }));
    await eventually(async () => expect(await shown(grace)).toMatchObject({ posted: '254.01' }));
  });
});
