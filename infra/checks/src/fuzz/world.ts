import { randomInt, randomUUID } from 'node:crypto';
import { createClient } from '@florin/client';
import type { Fleet } from '@florin/testing';
import { grantRoles, newPerson, type Person } from '../fleet/people.ts';
import { makeAll, newOwner, type Owner } from '../fleet/resources.ts';
import { type Caller, fillPlaceholders } from './placeholders.ts';

/** Who and what the requests are about. */
export interface World {
  /** A text with its placeholders filled. */
  fill(text: string): string;
  /** The access token of a caller, undefined for nobody. */
  token(caller: Caller): string | undefined;
  /** Signs a caller in again. @throws where that can't be done any more: `renew` */
  signIn(caller: Caller): Promise<void>;
  /** New people with new accounts: requests have ended, closed or spent what the old had. */
  renew(): Promise<void>;
}

interface Cast {
  readonly own: Record<string, string>;
  readonly others: Record<string, string>;
  readonly customer: Owner;
  readonly other: Owner;
  readonly operator: Person;
  readonly tokens: Record<Exclude<Caller, 'nobody'>, string>;
  readonly refreshToken: string;
}

/** The world of a running fleet. */
export async function newWorld(fleet: Pick<Fleet, 'gateway' | 'admin'>): Promise<World> {
  let cast = await newCast(fleet);
  return {
    fill: (text) => fillPlaceholders(text, (name) => lookUp(cast, name)),
    token: (caller) => (caller === 'nobody' ? undefined : cast.tokens[caller]),
    signIn: async (caller) => {
      if (caller !== 'nobody') cast.tokens[caller] = (await logIn(fleet, cast[caller])).accessToken;
    },
    renew: async () => {
      cast = await newCast(fleet);
    },
  };
}

async function logIn({ gateway }: Pick<Fleet, 'gateway'>, { email, password }: { email: string; password: string }) {
  return await createClient({ baseUrl: gateway }).login({ email, password });
}

async function newCast(fleet: Pick<Fleet, 'gateway' | 'admin'>): Promise<Cast> {
  const [customer, other] = [await newOwner(fleet, 'Ada'), await newOwner(fleet, 'Grace')];
  const operator = await newOperator(fleet);
  const signedIn = { customer: customer.accessToken, other: other.accessToken, operator: operator.accessToken };
  const { refreshToken } = await logIn(fleet, customer);
  const [own, others] = [await makeAll(customer), await makeAll(other)];
  return { customer, other, operator, tokens: signedIn, refreshToken, own, others };
}

/** Somebody of the staff, who can be lost: the first admin must not. */
async function newOperator(fleet: Pick<Fleet, 'gateway' | 'admin'>): Promise<Person> {
  const person = await newPerson(fleet, 'Olga');
  await grantRoles(fleet, (await person.client.me()).id, ['customer', 'operator', 'auditor']);
  return { ...person, accessToken: (await logIn(fleet, person)).accessToken };
}

function lookUp(cast: Cast, name: string): string {
  const [kind = '', whose = ''] = name.split('.');
  const who = whose === 'others' ? cast.other : cast.customer;
  const ids = whose === 'others' ? cast.others : cast.own;
  if (whose === 'missing' || kind === 'pky') return `${kind}_${missingId()}`;
  if (kind === 'acc') return who.account.id;
  const special: Record<string, string> = {
    savings: who.savings,
    number: who.account.accountNumber,
    email: whose === 'new' ? `new-${randomUUID()}@example.com` : who.email,
    password: who.password,
    refresh: cast.refreshToken,
    unique: randomUUID(),
  };
  const value = special[kind] ?? ids[kind];
  if (value === undefined) throw new Error(`nothing is known for the placeholder ${name}`);
  return value;
}

function missingId(): string {
  const digits = '0123456789abcdefghjkmnpqrstvwxyz';
  return `0${Array.from({ length: 25 }, () => digits.charAt(randomInt(digits.length))).join('')}`;
}
