import { join } from 'node:path';
import { type TestIssuer, testIssuer } from '@florin/auth/testing';
import type { CloudEvent } from '@florin/contracts';
import { createDatabase, createPool, type Database, inTransaction, migrate, provision } from '@florin/database';
import { formatId, newUuid, type Server, type WorkLoop } from '@florin/service';
import { createLogger } from '@florin/telemetry';
import { createTestDatabase, type TestDatabase, testPassword } from '@florin/testing';
import { buildApp } from '../app.ts';
import { subscriptionsOf } from '../subscriptions/index.ts';
import type { Tables } from '../tables.ts';
import { startWebhooks } from '../webhook-deliveries/deliver-webhooks.ts';
import { deriveWebhookKeys } from '../webhook-endpoints/endpoint-secrets.ts';
import { resolveBySystem } from '../webhook-targets/resolve-host.ts';
import type { Webhooks } from '../webhooks.ts';

const schema = 'notification';
const folder = join(import.meta.dirname, '../../migrations');

/** A user to call with. */
export interface Caller {
  id: string;
  token: string;
}

/** What goes along with a request. */
export interface CallOptions {
  body?: unknown;
  headers?: Record<string, string>;
}

/** An answer. */
export interface Called {
  status: number;
  text: string;
  headers: Record<string, unknown>;
  json: <Body>() => Body;
}

/** The service on a database of its own. */
export interface TestService {
  app: Server;
  db: Database<Tables>;
  database: TestDatabase;
  webhooks: Webhooks;
  caller(user?: Parameters<TestIssuer['userToken']>[0]): Caller;
  call(caller: Caller, request: string, options?: CallOptions): Promise<Called>;
  /** As the consumer does with a batch of events of one type, which are one statement and no transaction. */
  receive(...events: CloudEvent[]): Promise<void>;
  /** Begins to deliver webhooks; ends with the service. */
  deliver(changes?: Partial<Webhooks> & { deadlineMs?: number }): WorkLoop;
  close(): Promise<void>;
}

/** Starts one. Webhooks may go anywhere unless told. */
export async function startTestService(changes: Partial<Webhooks> = {}): Promise<TestService> {
  const database = await createTestDatabase({
    schema,
    prepare: async ({ adminUrl, ownerUrl }) => {
      const services = [{ name: schema, password: testPassword, ownerPassword: testPassword }];
      await provision({ adminUrl, services, busPassword: testPassword });
      await migrate({ url: ownerUrl, schema, folder, role: schema });
    },
  });
  const issuer = testIssuer();
  const db = createDatabase<Tables>(createPool({ url: database.url, schema, applicationName: 'notification-test' }));
  const logger = createLogger({ service: 'notification', level: 'silent' });
  const loops: WorkLoop[] = [];
  const webhooks: Webhooks = {
    keys: deriveWebhookKeys(Buffer.alloc(32, 7)),
    ...{ privateTargets: 'allow', resolve: resolveBySystem },
    wake: () => {
      for (const loop of loops) loop.wake();
    },
    ...changes,
  };
  const app = buildApp({ db, logger, keys: issuer.keys, tokenIssuer: issuer.issuer, webhooks });
  const subscriptions = subscriptionsOf(webhooks.wake);
  return {
    ...{ app, db, database, webhooks },
    caller: (user = {}) => {
      const userId = user.userId ?? newUuid();
      return { id: formatId('usr', userId), token: issuer.userToken({ ...user, userId }) };
    },
    call: (caller, request, options) => send(app, caller, request, options),
    receive: async (...events) => {
      const subscription = subscriptions.find(({ type }) => type === events[0]?.type);
      if (subscription === undefined) throw new Error(`Nobody reads ${events[0]?.type}`);
      const parsed = events.map((event) => subscription.parse(event));
      if (subscription.repeatable) await subscription.handle(db, parsed);
      else await inTransaction(db, (tx) => subscription.handle(tx, parsed));
    },
    deliver: (others = {}) => {
      const loop = startWebhooks({ ...webhooks, deadlineMs: 2_000, ...others, db, logger });
      loops.push(loop);
      return loop;
    },
    close: async () => {
      await Promise.all(loops.map((loop) => loop.close()));
      await app.close();
      await db.destroy();
      await database.drop();
    },
  };
}

async function send(app: Server, { token }: Caller, request: string, options: CallOptions = {}): Promise<Called> {
  const [method, url = ''] = request.split(' ');
  const headers = { authorization: `Bearer ${token}`, ...options.headers };
  const response = await app.inject({
    ...{ method: method as 'GET' | 'POST', url },
    headers: { ...headers, ...(options.body !== undefined && { 'content-type': 'application/json' }) },
    ...(options.body !== undefined && { payload: JSON.stringify(options.body) }),
  });
  const { statusCode: status, body: text } = response;
  return { status, text, headers: response.headers, json: <Body>() => response.json() as Body };
}
