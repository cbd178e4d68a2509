import { join } from 'node:path';
import { type TestIssuer, testIssuer } from '@florin/auth/testing';
import { createDatabase, createPool, type Database, migrate, provision } from '@florin/database';
import { formatId, newUuid, parseId, type Server } from '@florin/service';
import { createLogger } from '@florin/telemetry';
import { createTestDatabase, type TestDatabase, testPassword } from '@florin/testing';
import type { AccountView } from '../accounts/account-view.ts';
import type { Bank } from '../accounts/tell-ledger.ts';
import { buildApp } from '../app.ts';
import { createLedgerClient } from '../ledger/ledger-client.ts';
import type { Tables } from '../tables.ts';
import { startTestLedger, type TestLedger } from './test-ledger.ts';

const schema = 'accounts';
const folder = join(import.meta.dirname, '../../migrations');

/** A database with the tables of this service. */
export async function accountsDatabase(): Promise<TestDatabase> {
  return await createTestDatabase({
    schema,
    prepare: async ({ adminUrl, ownerUrl }) => {
      const services = [{ name: schema, password: testPassword, ownerPassword: testPassword }];
      await provision({ adminUrl, services, busPassword: testPassword });
      await migrate({ url: ownerUrl, schema, folder, role: schema });
    },
  });
}

/** A user to call with. */
export interface Caller {
  uuid: string;
  id: string;
  token: string;
}

/** The service on a database of its own, with a ledger beside it. */
export interface TestService {
  app: Server;
  bank: Bank;
  db: Database<Tables>;
  database: TestDatabase;
  ledger: TestLedger;
  issuer: TestIssuer;
  caller(token?: Parameters<TestIssuer['userToken']>[0]): Caller;
  /** Calls the API; the answer's body is the text as sent. */
  call(caller: Caller, request: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Opens a checking account in USD, or as `body` says. */
  open(caller: Caller, body?: Record<string, unknown>): Promise<AccountView>;
  close(): Promise<void>;
}

/** An answer of the API. */
export interface Answer {
  status: number;
  text: string;
  headers: Record<string, unknown>;
  json<Body = Record<string, unknown>>(): Body;
}

/** Starts one, with few payees per owner where told. A test that makes the ledger fail wants its own: the breaker remembers. */
export async function startTestService({ perOwner = 1_000 } = {}): Promise<TestService> {
  const database = await accountsDatabase();
  const issuer = testIssuer();
  const ledgerServer = await startTestLedger(issuer);
  const logger = createLogger({ service: 'accounts', level: 'silent' });
  const pool = createPool({ url: database.url, schema, applicationName: 'accounts-test' });
  const db = createDatabase<Tables>(pool);
  // All connections are there before the test, so that what it does at once really is.
  await Promise.all(Array.from({ length: 10 }, () => pool.query('select pg_sleep(0.02)')));
  const tokens = { tokenFor: async (audience: string) => issuer.serviceToken('accounts', audience) };
  const ledger = createLedgerClient({ url: ledgerServer.url, tokens, logger });
  const app = buildApp({
    db,
    ledger,
    logger,
    keys: issuer.keys,
    tokenIssuer: issuer.issuer,
    numbers: { country: 'LU', bankCode: '999' },
    payees: { stepUpSeconds: 600, perOwner },
  });
  const call = caller(app);
  return {
    app,
    bank: { db, ledger, logger },
    db,
    database,
    ledger: ledgerServer,
    issuer,
    caller: (user = {}) => {
      const uuid = user.userId ?? newUuid();
      return { uuid, id: formatId('usr', uuid), token: issuer.userToken({ ...user, userId: uuid }) };
    },
    call,
    open: async (by, body = {}) => {
      const answer = await call(by, 'POST /v1/accounts', { name: 'Daily', type: 'checking', currency: 'USD', ...body });
      if (answer.status !== 201) throw new Error(answer.text);
      return answer.json<AccountView>();
    },
    close: async () => {
      await app.close();
      ledger.close();
      await ledgerServer.close();
      await db.destroy();
      await database.drop();
    },
  };
}

function caller(app: Server): TestService['call'] {
  return async (by, request, body, headers = {}) => {
    const [method, url] = request.split(' ');
    const response = await app.inject({
      method: method as 'GET' | 'POST' | 'PATCH',
      url: url ?? '',
      headers: { authorization: `Bearer ${by.token}`, ...headers },
      ...(body !== undefined && { payload: body as object }),
    });
    return {
      status: response.statusCode,
      text: response.body,
      headers: response.headers,
      json: <Body>() => response.json() as Body,
    };
  };
}

/** The UUID of an account's TypeID. */
export function uuidOf(account: { id: string }): string {
  const uuid = parseId('acc', account.id);
  if (uuid === undefined) throw new Error(`${account.id} is no account`);
  return uuid;
}
