import { randomUUID } from 'node:crypto';
import { columnsWith, eventually, type Fleet, startFleet } from '@florin/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newIban } from './iban.ts';
import { newCustomer, newPerson, payIn } from './people.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet({ transport: 'embedded' });
});
afterAll(() => fleet?.stop());

async function send(accessToken: string, request: string, body?: object) {
  const [method = '', path = ''] = request.split(' ');
  const response = await fetch(fleet.gateway + path, {
    method,
    headers: { authorization: `Bearer ${accessToken}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}

it('a person takes everything along, leaves once the accounts are closed, and is nowhere but in the books', async () => {
  const canary = `C4nary-${randomUUID().slice(0, 8)}`;
  const grace = await newCustomer(fleet, 'Grace', '1.00');
  const ada = await newPerson(fleet, canary);
  const endpoint = { url: `https://hooks.example/${canary}`, events: ['*'], description: canary };
  expect((await send(ada.accessToken, 'POST /v1/webhook-endpoints', endpoint)).status).toBe(201);
  const account = await ada.client.openAccount({ name: `Savings of ${canary}`, type: 'checking', currency: 'USD' });
  await payIn(ada.client, account.id, '10.00');
  const order = { from: account.id, to: grace.account.id, amount: '10.00', currency: 'USD' };
  const { id: transfer } = await ada.client.transfer(order);
  const payee = { name: `${canary}'s landlord`, accountNumber: newIban() };
  expect((await send(ada.accessToken, 'POST /v1/payees', payee)).status).toBe(201);
  const leave = () => send(ada.accessToken, 'DELETE /v1/me', { password: ada.password });

  await eventually(async () => {
    const { status, body } = await send(ada.accessToken, 'GET /v1/me/export');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      format: 'florin.export.v1',
      profile: { email: ada.email, name: canary },
      accounts: [{ id: account.id, name: `Savings of ${canary}` }],
      payees: [payee],
      transactions: [{ id: transfer }, { type: 'deposit' }],
      payments: [{ type: 'deposit', instrument: { type: 'card', token: 'tok_ok' } }],
      webhookEndpoints: [endpoint],
    });
    expect(body.webhookDeliveries).toContainEqual(expect.objectContaining({ type: 'account.opened' }));
    expect(JSON.stringify(body)).not.toContain('whsec_');
    expect(body.notifications).toHaveLength(3);
  });

  expect(await leave()).toMatchObject({ status: 409, body: { code: 'conflict' } });
  await ada.client.closeAccount(account.id);
  const { id } = (await send(ada.accessToken, 'GET /v1/me')).body;
  expect((await leave()).status).toBe(204);
  await eventually(
    async () => {
      for (const path of ['/v1/me', '/v1/accounts', '/v1/transactions', '/v1/notifications']) {
        expect((await send(ada.accessToken, `GET ${path}`)).status, path).toBe(401);
      }
      for (const schema of ['identity', 'accounts', 'transactions', 'notification']) {
        expect(await columnsWith(fleet.postgres.url, schema, [canary, payee.accountNumber]), schema).toEqual([]);
      }
    },
    { timeoutMs: 15_000 },
  );

  expect((await grace.client.transaction(transfer)).amount).toBe('10.00');
  const again = await fetch(`${fleet.gateway}/v1/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: ada.email, password: ada.password, name: 'Somebody Else' }),
  });
  expect(again.status).toBe(201);
  expect(((await again.json()) as { id: string }).id).not.toBe(id);
});
