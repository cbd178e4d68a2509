import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { accountFrozen, type CloudEvent, ledgerAccountOpened, queues, sessionsRevoked } from '@florin/contracts';
import {
  createDatabase,
  createPool,
  type Database,
  type InboxTable,
  migrate,
  newEvent,
  type OutboxTable,
  packEvents,
  provision,
  serialize,
} from '@florin/database';
import { createTestDatabase, type TestDatabase, testAmqpUrl, testPassword } from '@florin/testing';
import { connect } from 'amqplib';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { type Closable, connectTransport, type Transport } from '../index.ts';
import { startProxy, type TcpProxy } from './tcp-proxy.ts';

export const schema = 'messaging_sample';
export const kinds = ['embedded', 'rabbitmq'] as const;
export const retryDelaysMs = [100, 300];
export const logger = pino({ level: 'silent' });

export interface SampleTables {
  effects: { position: bigint; event_id: string };
  shown: { event_id: string };
  outbox: OutboxTable;
  inbox: InboxTable;
}

/** One test's surroundings: a service's database and a namespace of its own on the broker. */
export interface Stage {
  readonly database: TestDatabase;
  readonly db: Database<SampleTables>;
  readonly namespace: string;
  /** A transport as a process of its own would have it; closed after the test. */
  connect(through?: TcpProxy): Transport;
  /** A proxy before the broker; closed after the test. */
  proxy(): Promise<TcpProxy>;
  /** Closes it after the test, before the transports. */
  closeLater<Thing extends Closable>(thing: Thing): Thing;
}

/** For a describe block: the database for all its tests, everything else new for each. */
export function useStage(kind: (typeof kinds)[number]): Stage {
  let database: TestDatabase;
  let db: Database<SampleTables>;
  let brokerUrl: string;
  let namespace: string;
  const first: Closable[] = [];
  const last: Closable[] = [];

  beforeAll(async () => {
    database = await messagingDatabase();
    brokerUrl = kind === 'embedded' ? database.busUrl : await testAmqpUrl();
    db = createDatabase<SampleTables>(createPool({ url: database.url, schema, applicationName: 'messaging-sample' }));
  });
  beforeEach(() => {
    namespace = `test_${randomBytes(4).toString('hex')}`;
  });
  afterEach(async () => {
    await Promise.all(first.splice(0).map((thing) => thing.close()));
    await Promise.all(last.splice(0).map((thing) => thing.close()));
    await db.deleteFrom('outbox').execute();
    if (kind === 'rabbitmq') await deleteQueues(brokerUrl, namespace);
  });
  afterAll(async () => {
    await db.destroy();
    await database.drop();
  });

  return {
    get database() {
      return database;
    },
    get db() {
      return db;
    },
    get namespace() {
      return namespace;
    },
    connect: (through) => {
      const transport = connectTransport({ url: through?.url ?? brokerUrl, namespace, retryDelaysMs, logger });
      first.push(transport);
      return transport;
    },
    proxy: async () => {
      const proxy = await startProxy(brokerUrl);
      last.push(proxy);
      return proxy;
    },
    closeLater: (thing) => {
      first.unshift(thing);
      return thing;
    },
  };
}

/** Puts events into the outbox as a service does that makes many at once. */
export async function appendPacked(db: Database<SampleTables>, events: readonly CloudEvent[]): Promise<void> {
  for (const parcel of packEvents(events.map(serialize))) {
    const row =
      'zstd' in parcel ? { type: parcel.type, size: parcel.size, packed: parcel.zstd } : { event: parcel.text };
    await db.insertInto('outbox').values(row).execute();
  }
}

async function messagingDatabase(): Promise<TestDatabase> {
  return await createTestDatabase({
    schema,
    prepare: async ({ adminUrl, ownerUrl }) => {
      const services = [{ name: schema, password: testPassword, ownerPassword: testPassword }];
      await provision({ adminUrl, services, busPassword: testPassword });
      await migrate({ url: ownerUrl, schema, folder: join(import.meta.dirname, 'migrations'), role: schema });
    },
  });
}

async function deleteQueues(url: string, namespace: string): Promise<void> {
  const connection = await connect(url);
  const channel = await connection.createChannel();
  const names = Object.keys(queues).flatMap((queue) => [`${namespace}.${queue}`, `${namespace}.${queue}.dead`]);
  const retries = retryDelaysMs.map((delay) => `${namespace}.retry.${delay}ms`);
  for (const name of [...names, ...retries]) await channel.deleteQueue(name);
  for (const name of [`${namespace}.events`, ...retries]) await channel.deleteExchange(name);
  await connection.close();
}

const account = 'acc_01hjryxysgey07h5jz5wagqj0m';
const user = 'usr_01hjryxysgey07h5jz5wagqj0m';
const source = 'florin/test';

/** An event that only the queue accounts.ledger reads. */
export function ledgerEvent(version: number): CloudEvent<{ account: string; version: number }> {
  return newEvent(ledgerAccountOpened, { source, subject: account, data: { account, version } });
}

/** An event that transactions.accounts and notification.inbox read. */
export function frozenEvent(version: number): CloudEvent {
  return newEvent(accountFrozen, {
    source,
    subject: account,
    data: {
      account: {
        id: account,
        owner: user,
        name: 'Everyday',
        type: 'checking',
        currency: 'USD',
        accountNumber: '1234567890',
        status: 'frozen',
        version,
      },
      reason: 'lost card',
    },
  });
}

/** A broadcast event with this many sessions. */
export function revokedEvent(sessions: number): CloudEvent {
  const time = new Date().toISOString();
  return newEvent(sessionsRevoked, {
    source,
    subject: user,
    data: {
      user,
      sessions: Array.from({ length: sessions }, () => 'ses_01hjryxysgey07h5jz5wagqj0m'),
      revokedAt: time,
      expiresAt: time,
    },
  });
}
