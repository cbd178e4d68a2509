import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from '@florin/client';
import * as contracts from '@florin/contracts';
import { eventually, type Fleet, startFleet } from '@florin/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../repository.ts';
import { capturedEvents, captureEvents } from './captured-events.ts';
import { mailTokenTo } from './mails.ts';
import { newCustomer, newPerson } from './people.ts';

function isDefinition(value: unknown): value is contracts.EventDefinition {
  return typeof value === 'object' && value !== null && 'parse' in value;
}

const definitions = Object.values<unknown>(contracts).filter(isDefinition);

let fleet: Fleet;
let events: contracts.CloudEvent[];
beforeAll(async () => {
  fleet = await startFleet({ transport: 'embedded' });
  await captureEvents(fleet);
  await makeEveryEvent();
  await eventually(async () => {
    events = await capturedEvents(fleet);
    const types = new Set(events.map(({ type }) => type));
    expect(definitions.map(({ type }) => type).filter((type) => !types.has(type))).toEqual([]);
  });
});
afterAll(() => fleet?.stop());

/** Does through the API what makes the fleet publish each event at least once. */
async function makeEveryEvent(): Promise<void> {
  const [ada, grace] = [await newCustomer(fleet, 'Ada', '10.00'), await newCustomer(fleet, 'Grace', '1.00')];
  const order = { from: ada.account.id, to: grace.account.id, amount: '1.00', currency: 'USD', description: 'Lunch' };
  await ada.client.transfer(order);
  const source = { type: 'card', token: 'tok_declined' };
  await ada.client.deposit({ account: ada.account.id, amount: '5.00', currency: 'USD', source });
  const other = await ada.client.openAccount({ name: 'Other', type: 'savings', currency: 'USD' });
  const admin = createClient({ baseUrl: fleet.gateway });
  const { accessToken } = await admin.login(fleet.admin);
  await limitAccount(accessToken, other.id);
  await admin.freezeAccount(other.id, 'lost phone');
  await admin.unfreezeAccount(other.id, 'found again');
  await ada.client.closeAccount(other.id);
  await holdMoney(ada.accessToken, { account: ada.account.id, to: grace.account.id });
  await revokeApiKey(grace.accessToken);
  await changeEmail(grace.accessToken);
  await grace.client.logout();
  await eraseSomebody();
}

/** Without an account, so that nothing has to be closed before. */
async function eraseSomebody(): Promise<void> {
  const { accessToken, password } = await newPerson(fleet, 'Nobody');
  await eventually(async () => {
    const answer = await fetch(`${fleet.gateway}/v1/me`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ password }),
    });
    expect(answer.status).toBe(204);
  });
}

/** One hold of each end. */
async function holdMoney(accessToken: string, sides: { account: string; to: string }): Promise<void> {
  const call = async (path: string, body: object): Promise<{ id: string }> => {
    const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' };
    const request = { method: 'POST', headers: { ...headers, 'idempotency-key': randomUUID() } };
    const answer = await fetch(`${fleet.gateway}${path}`, { ...request, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as { id: string };
  };
  const wish = { ...sides, amount: '2.00', currency: 'USD' };
  const [captured, voided] = [await call('/v1/holds', wish), await call('/v1/holds', wish)];
  await call('/v1/holds', { ...wish, expiresIn: 1 });
  await projectedBalance(sides.account, accessToken, { posted: '9.00', held: '6.00', available: '3.00' });
  await call(`/v1/holds/${captured.id}/capture`, { amount: '1.50' });
  await call(`/v1/holds/${voided.id}/void`, {});
  await projectedBalance(sides.account, accessToken, { posted: '7.50', held: '0.00', available: '7.50' });
}

/** Waits until the service accounts shows this. */
async function projectedBalance(account: string, accessToken: string, balance: object): Promise<void> {
  await eventually(async () => {
    const headers = { authorization: `Bearer ${accessToken}` };
    const answer = await fetch(`${fleet.gateway}/v1/accounts/${account}`, { headers });
    expect(await answer.json()).toMatchObject({ balance });
  });
}

async function limitAccount(accessToken: string, account: string): Promise<void> {
  await fetch(`${fleet.gateway}/v1/accounts/${account}/limits`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ perTransaction: '500.00', daily: '1000.00' }),
  });
}

async function revokeApiKey(accessToken: string): Promise<void> {
  const url = `${fleet.gateway}/v1/api-keys`;
  const authorization = `Bearer ${accessToken}`;
  const body = JSON.stringify({ name: 'For the test', scopes: ['accounts:read'] });
  const headers = { authorization, 'content-type': 'application/json' };
  const { id } = (await (await fetch(url, { method: 'POST', headers, body })).json()) as { id: string };
  await fetch(`${url}/${id}`, { method: 'DELETE', headers: { authorization } });
}

async function changeEmail(accessToken: string): Promise<void> {
  const address = `grace-${randomUUID()}@example.org`;
  const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' };
  const url = `${fleet.gateway}/v1/me/email`;
  await fetch(url, { method: 'POST', headers, body: JSON.stringify({ email: address }) });
  const body = JSON.stringify({ token: await mailTokenTo(fleet, address) });
  await fetch(`${url}/confirm`, { method: 'POST', headers, body });
}

/** The paths of all fields: `/transaction/id`. Items of a list share one path. */
function fieldsOf(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => fieldsOf(item, `${path}/*`));
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([name, field]) => fieldsOf(field, `${path}/${name}`));
}

const fixtureOf = (type: string) => join(root, 'packages/contracts/fixtures', `${type}.json`);

describe('what the fleet publishes', () => {
  it('has a definition for every event', () => {
    const known = new Set(definitions.map(({ type }) => type));
    expect([...new Set(events.map(({ type }) => type))].filter((type) => !known.has(type))).toEqual([]);
  });

  it.each(definitions)(
    '$type is a CloudEvent with data that fits its definition and the fixture',
    ({ type, parse }) => {
      expect(existsSync(fixtureOf(type)), `a fixture for ${type}`).toBe(true);
      const fixture = JSON.parse(readFileSync(fixtureOf(type), 'utf8')) as contracts.CloudEvent;
      parse(fixture.data);
      for (const event of events.filter((candidate) => candidate.type === type)) {
        parse(event.data);
        expect(new Set(fieldsOf(event))).toEqual(new Set(fieldsOf(fixture)));
        expect(event).toMatchObject({ specversion: '1.0', datacontenttype: 'application/json' });
        expect(event.id).toMatch(/^evt_[0-9a-z]{26}$/);
        expect(event.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
      }
    },
  );
});
