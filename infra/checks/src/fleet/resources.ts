import { randomUUID } from 'node:crypto';
import { eventually, type Fleet } from '@florin/testing';
import { type CreationRequest, softwareAuthenticator } from '@florin/testing/authenticator';
import type { idKinds } from '../fuzz/placeholders.ts';
import { newIban } from './iban.ts';
import { newCustomer, type Person } from './people.ts';

/** A customer with a second account in USD. */
export interface Owner extends Person {
  readonly gateway: string;
  readonly account: { readonly id: string; readonly accountNumber: string };
  readonly savings: string;
}

/** Somebody with 1000.00 USD. */
export async function newOwner(fleet: Pick<Fleet, 'gateway'>, name: string): Promise<Owner> {
  const person = await newCustomer(fleet, name, '1000.00');
  const savings = await person.client.openAccount({ name: 'Rainy days', type: 'savings', currency: 'USD' });
  return { ...person, gateway: fleet.gateway, savings: savings.id };
}

/** The answer of a call by the owner. @throws Error unless it is a 2xx */
async function call(owner: Owner, request: string, body?: unknown): Promise<Record<string, unknown>> {
  const [method = '', path = ''] = request.split(' ');
  const response = await fetch(`${owner.gateway}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${owner.accessToken}`,
      ...(method === 'POST' && { 'idempotency-key': randomUUID() }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${request} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Record<string, unknown>;
}

async function firstOf(owner: Owner, path: string): Promise<string> {
  const { data } = (await call(owner, `GET ${path}`)) as { data: { id: string }[] };
  const [first] = data;
  if (!first) throw new Error(`${path} is empty`);
  return first.id;
}

/** A session of the owner's that is not the one in use. */
async function otherSession(owner: Owner): Promise<string> {
  const { email, password } = owner;
  await call(owner, 'POST /v1/auth/login', { email, password });
  const { data } = (await call(owner, 'GET /v1/me/sessions')) as { data: { id: string; current: boolean }[] };
  const other = data.find(({ current }) => !current);
  if (!other) throw new Error('there is no other session');
  return other.id;
}

/** A passkey: from then on the password alone does not log in. */
async function newPasskey(owner: Owner): Promise<string> {
  const authenticator = softwareAuthenticator({ origin: owner.gateway.replace('127.0.0.1', 'localhost') });
  const request = await call(owner, 'POST /v1/me/passkeys/options');
  const credential = authenticator.create(request as unknown as CreationRequest);
  return ((await call(owner, 'POST /v1/me/passkeys', { name: 'A passkey', credential })) as Made).id;
}

type Made = { id: string };

/** A name that leads nowhere: nothing of a test goes out. */
async function newEndpoint(owner: Owner): Promise<string> {
  const order = { url: 'https://hooks.example/in', events: ['hold.voided'] };
  return ((await call(owner, 'POST /v1/webhook-endpoints', order)) as Made).id;
}

async function newDelivery(owner: Owner): Promise<string> {
  return ((await call(owner, `POST /v1/webhook-endpoints/${await newEndpoint(owner)}/test`)) as Made).id;
}

/** How to get something of the owner's, by the prefix of its id: a new one each time where that can be. */
export const makers: Readonly<Record<(typeof idKinds)[number], (owner: Owner) => Promise<string>>> = {
  acc: async ({ client }) => (await client.openAccount({ name: 'Another', type: 'checking', currency: 'USD' })).id,
  txn: async ({ client, account, savings }) =>
    (await client.transfer({ from: account.id, to: savings, amount: '1.00', currency: 'USD' })).id,
  hld: async (owner) => {
    const hold = { account: owner.account.id, amount: '1.00', currency: 'USD' };
    return ((await call(owner, 'POST /v1/holds', hold)) as Made).id;
  },
  ses: otherSession,
  key: async (owner) =>
    ((await call(owner, 'POST /v1/api-keys', { name: 'A key', scopes: ['accounts:read'] })) as Made).id,
  ntf: async (owner) => await eventually(() => firstOf(owner, '/v1/notifications'), { timeoutMs: 15_000 }),
  usr: async ({ client }) => (await client.me()).id,
  pky: newPasskey,
  pye: async (owner) =>
    ((await call(owner, 'POST /v1/payees', { name: 'A payee', accountNumber: newIban() })) as Made).id,
  fxq: async (owner) =>
    ((await call(owner, 'POST /v1/fx/quotes', { sell: 'USD', buy: 'EUR', amount: '1.00', side: 'sell' })) as Made).id,
  whe: newEndpoint,
  whd: newDelivery,
};

/** One of each, but no passkey: the owner has to be able to log in with the password. */
export async function makeAll(owner: Owner): Promise<Record<string, string>> {
  const made: Record<string, string> = {};
  for (const [kind, make] of Object.entries(makers)) if (kind !== 'pky') made[kind] = await make(owner);
  return made;
}
