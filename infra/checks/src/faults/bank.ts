import { randomUUID } from 'node:crypto';
import { createClient } from '@florin/client';

/** An account as clients and the ledger call it. */
export interface BankAccount {
  /** `acc_…` */
  readonly id: string;
  readonly uuid: string;
  readonly currency: string;
  readonly owner: Customer;
}

/** Somebody with accounts. The token is renewed while they are at work. */
export interface Customer {
  readonly email: string;
  readonly password: string;
  token: string;
  readonly accounts: BankAccount[];
}

/** Registers a customer through the gateway and signs them in. */
export async function newCustomer(gateway: string, number: number): Promise<Customer> {
  const email = `faults-${number}-${randomUUID()}@example.com`;
  const password = `canary ${randomUUID()} of the fault suite`;
  await createClient({ baseUrl: gateway }).register({ email, password, name: `Customer ${number}` });
  const customer: Customer = { email, password, token: '', accounts: [] };
  await renewToken(gateway, customer);
  return customer;
}

/** Signs in; call it before the access token's time is over. */
export async function renewToken(
  gateway: string,
  signIn: { readonly email: string; readonly password: string; token: string },
): Promise<void> {
  const { email, password } = signIn;
  signIn.token = (await createClient({ baseUrl: gateway }).login({ email, password })).accessToken;
}

/** Minor units of a currency with two decimals, as the API writes them. */
export function decimal(minorUnits: number): string {
  return `${Math.floor(minorUnits / 100)}.${String(minorUnits % 100).padStart(2, '0')}`;
}
