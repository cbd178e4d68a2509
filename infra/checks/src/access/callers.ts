import { createClient } from '@florin/client';
import { eventually, type Fleet } from '@florin/testing';
import { grantRoles, newPerson, type Person } from '../fleet/people.ts';
import { newOwner, type Owner } from '../fleet/resources.ts';
import type { CallerKind } from './expectations.ts';

/** A caller with what goes into the Authorization header, if anything. */
export interface Caller extends CallerKind {
  readonly token?: string;
}

const allScopes = [
  ...['accounts:read', 'accounts:write', 'transactions:read', 'transactions:write'],
  ...['notifications:read', 'notifications:write', 'webhooks:manage'],
];

const oversight = ['operator', 'auditor', 'admin'];

/** Somebody who signs in, and does so again after a call that ends the session. */
interface Login {
  readonly name: string;
  readonly role: string;
  readonly email: string;
  readonly password: string;
  token: string;
}

/** Everybody whom every route is called by; the owner can be replaced when a call has been the end of them. */
export class Callers {
  owner: Owner;
  readonly #fleet: Pick<Fleet, 'gateway' | 'admin'>;
  readonly #tokenless: readonly Caller[];
  readonly #logins: readonly Login[];
  readonly #keys = new Map<string, Promise<string>>();

  private constructor(
    fleet: Pick<Fleet, 'gateway' | 'admin'>,
    { owner, tokenless, logins }: { owner: Owner; tokenless: readonly Caller[]; logins: readonly Login[] },
  ) {
    this.#fleet = fleet;
    this.owner = owner;
    this.#tokenless = tokenless;
    this.#logins = logins;
  }

  static async make(fleet: Pick<Fleet, 'gateway' | 'admin'>): Promise<Callers> {
    const owner = await newOwner(fleet, 'Ada');
    const tokenless = [
      { name: 'nobody' },
      { name: 'whoever is signed out', token: await signedOut(fleet) },
      { name: 'a revoked API key', token: await revokedKey(fleet, owner) },
    ];
    const { email, password, accessToken } = await newPerson(fleet, 'Grace');
    const logins = [
      { name: 'another customer', role: 'customer', email, password, token: accessToken },
      await newStaff(fleet, 'operator'),
      await newStaff(fleet, 'auditor'),
      { name: 'an admin', role: 'admin', ...fleet.admin, token: await logIn(fleet, fleet.admin) },
    ];
    return new Callers(fleet, { owner, tokenless, logins });
  }

  /** Who calls a route with these scopes; those who are refused come first, the owner last. */
  async of(scopes: readonly string[]): Promise<Caller[]> {
    const roles = ['customer'];
    const key = async (name: string, granted: readonly string[]): Promise<Caller> => ({
      ...{ name, owns: true, token: await this.#key(granted) },
      rights: { roles, scopes: granted, isApiKey: true },
    });
    const unfit = allScopes.filter((scope) => scope !== scopes[0]);
    const owner = { name: 'the owner', owns: true, token: this.owner.accessToken };
    return [
      ...this.#tokenless,
      ...this.#logins.map(({ name, role, token }) => ({
        ...{ name, token, isStaff: oversight.includes(role) },
        rights: { roles: [role], scopes: allScopes, isApiKey: false },
      })),
      await key('an API key without the scope', unfit),
      await key('an API key with the scope', scopes.length > 0 ? scopes : ['accounts:read']),
      { ...owner, rights: { roles, scopes: allScopes, isApiKey: false } },
    ];
  }

  /** Whose session a call has ended signs in again; an owner who can't any more is replaced by somebody new. */
  async restore(): Promise<void> {
    for (const login of this.#logins) {
      if ((await statusOfMe(this.#fleet, login.token)) !== 200) login.token = await logIn(this.#fleet, login);
    }
    if ((await statusOfMe(this.#fleet, this.owner.accessToken)) === 200) return;
    const token = await logIn(this.#fleet, this.owner).catch(() => undefined);
    if (token !== undefined) {
      const client = createClient({ baseUrl: this.#fleet.gateway, accessToken: token });
      this.owner = { ...this.owner, client, accessToken: token };
    } else {
      this.owner = await newOwner(this.#fleet, 'Ada');
    }
    this.#keys.clear();
  }

  #key(scopes: readonly string[]): Promise<string> {
    const name = scopes.join(' ');
    const made = this.#keys.get(name) ?? newKey(this.#fleet, this.owner, scopes).then(({ secret }) => secret);
    this.#keys.set(name, made);
    return made;
  }
}

async function logIn({ gateway }: Pick<Fleet, 'gateway'>, { email, password }: { email: string; password: string }) {
  return (await createClient({ baseUrl: gateway }).login({ email, password })).accessToken;
}

async function statusOfMe({ gateway }: Pick<Fleet, 'gateway'>, token: string): Promise<number> {
  return (await fetch(`${gateway}/v1/me`, { headers: { authorization: `Bearer ${token}` } })).status;
}

async function newKey({ gateway }: Pick<Fleet, 'gateway'>, { accessToken }: Person, scopes: readonly string[]) {
  const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ name: 'A program', scopes });
  const response = await fetch(`${gateway}/v1/api-keys`, { method: 'POST', headers, body });
  if (!response.ok) throw new Error(`no API key could be made: ${response.status} ${await response.text()}`);
  return (await response.json()) as { id: string; secret: string };
}

async function signedOut(fleet: Pick<Fleet, 'gateway'>): Promise<string> {
  const { client, accessToken } = await newPerson(fleet, 'Gone');
  await client.logout();
  return accessToken;
}

async function revokedKey(fleet: Pick<Fleet, 'gateway'>, owner: Owner): Promise<string> {
  const { id, secret } = await newKey(fleet, owner, allScopes);
  const headers = { authorization: `Bearer ${owner.accessToken}` };
  await fetch(`${fleet.gateway}/v1/api-keys/${id}`, { method: 'DELETE', headers });
  await eventually(async () => {
    if ((await statusOfMe(fleet, secret)) !== 401) throw new Error('the key still works');
  });
  return secret;
}

async function newStaff(fleet: Pick<Fleet, 'gateway' | 'admin'>, role: string): Promise<Login> {
  const { client, email, password } = await newPerson(fleet, role);
  await grantRoles(fleet, (await client.me()).id, [role]);
  return { name: `an ${role}`, role, email, password, token: await logIn(fleet, { email, password }) };
}
