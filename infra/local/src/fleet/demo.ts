import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, createClient, ProblemError } from '@florin/client';
import { writePrivateFile } from './private-file.ts';

/** Who can sign in to look around. */
export interface DemoSignIn {
  name: string;
  email: string;
  password: string;
}

const people = [
  { key: 'ada', name: 'Ada Lovelace', email: 'ada@florin.example' },
  { key: 'grace', name: 'Grace Hopper', email: 'grace@florin.example' },
] as const;

/**
 * Two people with accounts and some money, made through the public API as anybody would. The file tells that it has
 * been done; a run that was interrupted is finished by the next one, since every step has a fixed key.
 *
 * @throws what the client throws
 */
export async function ensureDemo(gateway: string, file: string, password: string): Promise<DemoSignIn[]> {
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
  const [ada, grace] = await Promise.all(people.map((person) => signUp(gateway, { ...person, password })));
  if (ada === undefined || grace === undefined) throw new Error('There are two people in the demo.');
  const key = (name: string) => ({ idempotencyKey: `demo-${name}` });
  const [everyday, savings, other] = await Promise.all([
    ada.openAccount({ name: 'Everyday', type: 'checking', currency: 'USD' }, key('ada-everyday')),
    ada.openAccount({ name: 'Rainy days', type: 'savings', currency: 'USD' }, key('ada-savings')),
    grace.openAccount({ name: 'Everyday', type: 'checking', currency: 'USD' }, key('grace-everyday')),
  ]);
  await untilActive(ada, [everyday.id, savings.id]);
  await untilActive(grace, [other.id]);
  const source = { type: 'card', token: 'tok_ok' };
  const deposit = { account: everyday.id, amount: '2500.00', currency: 'USD', provider: 'sandbox', source };
  await untilPosted(ada, (await ada.deposit(deposit, key('deposit'))).id);
  const gift = { from: everyday.id, to: other.id, amount: '120.50', currency: 'USD', description: 'Lunch and a book' };
  await ada.transfer(gift, key('transfer'));
  await ada.transfer({ ...gift, to: savings.id, amount: '400.00', description: 'Put aside' }, key('savings'));
  const signIns = people.map(({ name, email }) => ({ name, email, password }));
  writePrivateFile(file, signIns);
  return signIns;
}

async function signUp(gateway: string, person: DemoSignIn & { key: string }): Promise<Client> {
  const client = createClient({ baseUrl: gateway });
  const { name, email, password, key } = person;
  try {
    await client.register({ email, password, name }, { idempotencyKey: `demo-register-${key}` });
  } catch (error) {
    if (!(error instanceof ProblemError) || error.code !== 'email_taken') throw error;
  }
  await client.login({ email, password });
  return client;
}

async function untilActive(client: Client, accounts: string[]): Promise<void> {
  await until('the accounts are active', async () => {
    const found = await Promise.all(accounts.map((id) => client.account(id)));
    return found.every(({ status }) => status === 'active');
  });
}

async function untilPosted(client: Client, transaction: string): Promise<void> {
  await until('the deposit is posted', async () => (await client.transaction(transaction)).status === 'posted');
}

async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`The demo gave up waiting until ${what}.`);
    await sleep(100);
  }
}
