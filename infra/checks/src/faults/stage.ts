import { createClient } from '@florin/client';
import { type Fleet, startFleet } from '@florin/testing';
import { type BankAccount, type Customer, newCustomer, renewToken } from './bank.ts';
import { type Replica, startReplica } from './replica.ts';
import { type Servers, startServers, withClient } from './servers.ts';
import type { Target } from './teller.ts';

/** The whole of Florin on servers that may be broken, with two replicas of the ledger and customers. */
export interface Stage {
  readonly servers: Servers;
  readonly fleet: Fleet;
  readonly replica: Replica;
  readonly gateway: Target;
  /** The two replicas of the transactions service, straight. */
  readonly ledgers: readonly [Target, Target];
  readonly customers: readonly Customer[];
  /** Of the closed currency; the first ones are hot. */
  readonly accounts: readonly BankAccount[];
  readonly depositAccounts: readonly BankAccount[];
  /** Also an operator. */
  readonly admin: Customer;
  /** New tokens for all, long before the old ones end. */
  renewTokens(): Promise<void>;
  stop(): Promise<void>;
}

export const closedCurrency = 'EUR';
export const depositCurrency = 'USD';
const customerCount = 8;
const closedPerCustomer = 5;

// Background work comes round often, so that a short run sees it under faults and does not wait for it at the end.
const settings = {
  FLORIN_RATE_LIMITS: 'off',
  LEDGER_SEAL_INTERVAL_MS: '1000',
  LEDGER_CHECK_INTERVAL_MS: '1000',
  PAYMENT_RECONCILE_AFTER_MS: '2000',
};

/** Starts it. Nobody has money yet. */
export async function startStage(): Promise<Stage> {
  const servers = await startServers();
  const stops: (() => Promise<void>)[] = [servers.stop];
  const stop = async () => {
    for (const one of stops.toReversed()) await one();
  };
  try {
    const namespace = { BUS_NAMESPACE: `faults-${process.pid}` };
    const fleet = await startFleet({
      transport: 'embedded',
      env: {
        ...settings,
        ...namespace,
        DATABASE_URL: servers.database.proxied,
        ...(servers.rabbitmq && { AMQP_URL: servers.rabbitmq.proxy.url }),
        ...(servers.redis && { REDIS_URL: servers.redis.proxy.url }),
      },
    });
    stops.push(fleet.stop);
    const replica = await startReplica(fleet, { ...settings, ...namespace, SHUTDOWN_GRACE_MS: '1500' });
    stops.push(replica.stop);
    return { ...(await furnish(servers, fleet)), servers, fleet, replica, ...targetsOf(fleet, replica), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function targetsOf(fleet: Fleet, replica: Replica): Pick<Stage, 'gateway' | 'ledgers'> {
  return {
    gateway: { name: 'gateway', url: fleet.gateway },
    ledgers: [
      { name: 'transactions', url: fleet.process('transactions').url },
      { name: 'transactions-2', url: replica.url },
    ],
  };
}

async function furnish(servers: Servers, fleet: Fleet) {
  const admin: Customer = { ...fleet.admin, token: '', accounts: [] };
  await renewToken(fleet.gateway, admin);
  const customers = await Promise.all(
    Array.from({ length: customerCount }, async (_, number) => {
      const customer = await newCustomer(fleet.gateway, number);
      const client = createClient({ baseUrl: fleet.gateway, accessToken: customer.token });
      for (let count = 0; count <= closedPerCustomer; count += 1) {
        const currency = count === closedPerCustomer ? depositCurrency : closedCurrency;
        const { id, accountNumber } = await client.openAccount({
          name: `Account ${count}`,
          type: 'checking',
          currency,
        });
        customer.accounts.push({ id, uuid: await uuidOf(servers, accountNumber), currency, owner: customer });
      }
      return customer;
    }),
  );
  const all = customers.flatMap(({ accounts }) => accounts);
  return {
    admin,
    customers,
    accounts: all.filter(({ currency }) => currency === closedCurrency),
    depositAccounts: all.filter(({ currency }) => currency === depositCurrency),
    renewTokens: async () => {
      for (const one of [admin, ...customers]) await renewToken(fleet.gateway, one);
    },
  };
}

function uuidOf({ database }: Servers, accountNumber: string): Promise<string> {
  return withClient(database.url, async (client) => {
    const { rows } = await client.query<{ id: string }>(
      'select id from transactions.ledger_accounts where account_number = $1',
      [accountNumber],
    );
    const [row] = rows;
    if (row === undefined) throw new Error(`The ledger has no account ${accountNumber}.`);
    return row.id;
  });
}
