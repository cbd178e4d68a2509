import { randomUUID } from 'node:crypto';
import { type Account, type Client, createClient } from '@florin/client';
import { eventually, type Fleet } from '@florin/testing';

/** Someone who is signed in. */
export interface Person {
  readonly client: Client;
  readonly email: string;
  readonly password: string;
  readonly accessToken: string;
}

/** Registers somebody new through the gateway and signs them in. */
export async function newPerson(fleet: Pick<Fleet, 'gateway'>, name: string): Promise<Person> {
  const client = createClient({ baseUrl: fleet.gateway });
  const email = `${name.toLowerCase()}-${randomUUID()}@example.com`;
  const password = `${randomUUID()} is long enough`;
  await client.register({ email, password, name });
  const { accessToken } = await client.login({ email, password });
  return { client, email, password, accessToken };
}

/** A person with a checking account in USD and this much on it, paid in by card. */
export async function newCustomer(
  fleet: Pick<Fleet, 'gateway'>,
  name: string,
  amount: string,
): Promise<Person & { account: Account }> {
  const person = await newPerson(fleet, name);
  const account = await person.client.openAccount({ name: 'Everyday', type: 'checking', currency: 'USD' });
  await payIn(person.client, account.id, amount);
  return { ...person, account };
}

/** Pays in by a card of the sandbox, and waits until the money is there. */
export async function payIn(client: Client, account: string, amount: string): Promise<void> {
  const source = { type: 'card', token: 'tok_ok' };
  const deposit = await client.deposit({ account, amount, currency: 'USD', source });
  await eventually(
    async () => {
      const { status } = await client.transaction(deposit.id);
      if (status !== 'posted') throw new Error(`the deposit is ${status}`);
    },
    { timeoutMs: 15_000 },
  );
}

/** Gives somebody these roles and no others, as the first admin. That ends their sessions where it takes a role away. */
export async function grantRoles(fleet: Pick<Fleet, 'gateway' | 'admin'>, id: string, roles: string[]): Promise<void> {
  const { accessToken } = await createClient({ baseUrl: fleet.gateway }).login(fleet.admin);
  const response = await fetch(`${fleet.gateway}/v1/users/${id}`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ roles }),
  });
  if (!response.ok) throw new Error(`no roles could be given: ${response.status} ${await response.text()}`);
}
