import { createClient } from '@florin/client';
import { eventually, type Fleet, startFleet } from '@florin/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newCustomer, newPerson } from './people.ts';

describe.each(['embedded', 'rabbitmq'] as const)('the main job, events over %s', (transport) => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await startFleet({ transport });
  });
  afterAll(() => fleet?.stop());

  it('two people register, one pays in by card and pays the other, both see it', async () => {
    const ada = await newPerson(fleet, 'Ada');
    const grace = await newPerson(fleet, 'Grace');
    const from = await ada.client.openAccount({ name: 'Everyday', type: 'checking', currency: 'USD' });
    const to = await grace.client.openAccount({ name: 'Everyday', type: 'checking', currency: 'USD' });
    expect([from.status, to.status]).toEqual(['active', 'active']);

    const source = { type: 'card', token: 'tok_ok' };
    const deposit = await ada.client.deposit({ account: from.id, amount: '100.00', currency: 'USD', source });
    expect(deposit).toMatchObject({ type: 'deposit', status: 'pending', amount: '100.00', entries: [] });
    await eventually(async () => {
      expect(await ada.client.transaction(deposit.id)).toMatchObject({ status: 'posted' });
    });

    const sent = await ada.client.transfer({
      from: from.id,
      to: to.accountNumber,
      amount: '12.50',
      currency: 'USD',
      description: 'Lunch',
    });
    expect(sent).toMatchObject({ type: 'transfer', status: 'posted', amount: '12.50', from: from.id, to: to.id });
    expect(sent.entries).toEqual([
      { account: from.id, amount: '-12.50', balanceAfter: '87.50', version: 2 },
      { account: to.id, amount: '12.50' },
    ]);
    expect((await ada.client.balance(from.id)).available).toBe('87.50');
    expect((await grace.client.balance(to.id)).posted).toBe('12.50');

    expect((await ada.client.account(from.id, { minVersion: 2 })).balance.posted).toBe('87.50');
    expect((await grace.client.account(to.id, { minVersion: 1 })).balance.posted).toBe('12.50');
    const received = await grace.client.transaction(sent.id);
    expect(received.entries).toContainEqual({ account: to.id, amount: '12.50', balanceAfter: '12.50', version: 1 });

    await eventually(async () => {
      const titles = async (person: typeof ada) => (await person.client.notifications()).data.map(({ title }) => title);
      expect(await titles(ada)).toEqual([
        'You sent 12.50 USD',
        'Your deposit of 100.00 USD has arrived',
        'Your account Everyday is open',
      ]);
      expect(await titles(grace)).toEqual(['You received 12.50 USD', 'Your account Everyday is open']);
    });
  });

  it('a declined card fails with the reason and moves nothing; the owner is told', async () => {
    const { client, account } = await newCustomer(fleet, 'Ada', '1.00');
    const source = { type: 'card', token: 'tok_declined' };
    const deposit = await client.deposit({ account: account.id, amount: '5.00', currency: 'USD', source });
    await eventually(async () => {
      expect(await client.transaction(deposit.id)).toMatchObject({
        status: 'failed',
        failure: { code: 'card_declined' },
        entries: [],
      });
      const { data } = await client.notifications();
      expect(data[0]?.title).toBe('Your deposit of 5.00 USD failed');
    });
    expect((await client.balance(account.id)).posted).toBe('1.00');
  });

  it('a webhook that comes three times posts once', async () => {
    const { client, account } = await newCustomer(fleet, 'Ada', '1.00');
    const source = { type: 'card', token: 'tok_duplicate' };
    const deposit = await client.deposit({ account: account.id, amount: '7.00', currency: 'USD', source });
    await eventually(async () => {
      expect(fleet.logs('gateway').split('/v1/webhooks/providers/').length).toBeGreaterThan(3);
      expect((await client.transaction(deposit.id)).status).toBe('posted');
    });
    expect((await client.balance(account.id)).posted).toBe('8.00');
    expect((await client.accountTransactions(account.id)).data).toHaveLength(2);
  });

  it('the access token stops working within a second of the sign-out', async () => {
    const ada = await newPerson(fleet, 'Ada');
    const me = () => fetch(`${fleet.gateway}/v1/me`, { headers: { authorization: `Bearer ${ada.accessToken}` } });
    expect((await me()).status).toBe(200);
    await ada.client.logout();
    await eventually(async () => expect((await me()).status).toBe(401), { timeoutMs: 1_000 });
    const accounts = await fetch(`${fleet.gateway}/v1/accounts`, {
      headers: { authorization: `Bearer ${ada.accessToken}` },
    });
    expect(accounts.status).toBe(401);
  });

  it('an operator freezes an account: from the answer on nothing leaves it', async () => {
    const [ada, grace] = [await newCustomer(fleet, 'Ada', '10.00'), await newCustomer(fleet, 'Grace', '1.00')];
    const operator = await newAdmin(fleet);
    await operator.freezeAccount(ada.account.id, 'asked by the owner');
    const transfer = { from: ada.account.id, to: grace.account.id, amount: '1.00', currency: 'USD' };
    await expect(ada.client.transfer(transfer)).rejects.toMatchObject({ code: 'account_frozen', status: 422 });
    await operator.unfreezeAccount(ada.account.id, 'asked by the owner');
    expect((await ada.client.transfer(transfer)).status).toBe('posted');
  });
});

async function newAdmin(fleet: Fleet) {
  const client = createClient({ baseUrl: fleet.gateway });
  await client.login(fleet.admin);
  return client;
}
