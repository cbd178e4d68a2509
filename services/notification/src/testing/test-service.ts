import { join } from 'node:path';
import { type TestIssuer, testIssuer } from '@florin/auth/testing';
import { createDatabase, createPool, type Database, migrate, provision } from '@florin/database';
import { formatId, newUuid, type Server } from '@florin/service';
import { createLogger } from '@florin/telemetry';
import { createTestDatabase, type TestDatabase, testPassword } from '@florin/testing';
import { buildApp } from '../app.ts';
import type { Tables } from '../tables.ts';

const schema = 'notification';
const folder = join(import.meta.dirname, '../../migrations');

/** A user to call with. */
export interface Caller {
  id: string;
  token: string;
}

/** The service on a database of its own. */
export interface TestService {
  app: Server;
  db: Database<Tables>;
  database: TestDatabase;
  caller(user?: Parameters<TestIssuer['userToken']>[0]): Caller;
  call(caller: Caller, request: string): Promise<{ status: number; json: <Body>() => Body }>;
  close(): Promise<void>;
}

/** Starts one. */
export async function startTestService(): Promise<TestService> {
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
  const app = buildApp({ db, logger, keys: issuer.keys, tokenIssuer: issuer.issuer });
  return {
    app,
    db,
    database,
    caller: (user = {}) => {
      const userId = user.userId ?? newUuid();
      return { id: formatId('usr', userId), token: issuer.userToken({ ...user, userId }) };
    },
    call: async ({ token }, request) => {
      const [method, url = ''] = request.split(' ');
      const headers = { authorization: `Bearer ${token}` };
      const response = await app.inject({ method: method as 'GET' | 'POST', url, headers });
      return { status: response.statusCode, json: <Body>() => response.json() as Body };
    },
    close: async () => {
      await app.close();
      await db.destroy();
      await database.drop();
    },
  };
}
