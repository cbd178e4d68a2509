import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createDatabase, createPool, type Database, migrate, provision } from '@florin/database';
import type { Server } from '@florin/service';
import { createLogger } from '@florin/telemetry';
import { createTestDatabase, type TestDatabase, testPassword } from '@florin/testing';
import { buildApp } from '../app.ts';
import { openResources } from '../dependencies.ts';
import type { Resources } from '../resources.ts';
import type { SessionTokens } from '../sessions/start-session.ts';
import type { Tables } from '../tables.ts';
import { hashSecret } from '../tokens/service-clients.ts';
import { createFirstAdmin } from '../users/create-first-admin.ts';

const schema = 'identity';
const folder = join(import.meta.dirname, '../../migrations');

/** Good for every test that does not care. */
export const password = 'correct horse battery';
export const admin = { email: 'admin@florin.test', password: 'a long admin password' };
export const gatewaySecret = 'gateway-secret-0123456789';

/** A registered user with a session. */
export interface Visitor {
  id: string;
  email: string;
  tokens: SessionTokens;
}

/** What came back. `body` is parsed JSON, undefined where there is none. */
export interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: Record<string, unknown>;
  text: string;
}

/** A call through the app; `token` goes into Authorization. */
export interface Call {
  token?: string | undefined;
  body?: unknown;
  headers?: Record<string, string>;
}

/** The service on a database of its own. */
export interface TestIdentity {
  app: Server;
  resources: Resources;
  db: Database<Tables>;
  database: TestDatabase;
  /** Everything logged so far. */
  logs(): string;
  call(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, call?: Call): Promise<Answer>;
  /** Registers and logs in; the email is made up unless given. */
  visitor(email?: string): Promise<Visitor>;
  logIn(email: string, secret?: string): Promise<Answer>;
  refresh(refreshToken: string): Promise<Answer>;
  /** The first admin, logged in. */
  admin(): Promise<SessionTokens>;
  /** A service token for identity, got as services get it. */
  serviceToken(client: string, secret: string): Promise<string>;
  close(): Promise<void>;
}

/** A database with the tables of this service. */
export async function identityDatabase(): Promise<TestDatabase> {
  return await createTestDatabase({
    schema,
    prepare: async ({ adminUrl, ownerUrl }) => {
      const services = [{ name: schema, password: testPassword, ownerPassword: testPassword }];
      await provision({ adminUrl, services, busPassword: testPassword });
      await migrate({ url: ownerUrl, schema, folder, role: schema });
    },
  });
}

/** What a process would be told. Tests that need time to pass move the times in the rows instead. */
export const testConfig = {
  masterKey: randomBytes(32),
  passwordHashing: { concurrency: 2, maxWaiting: 300 },
  tokens: {
    issuer: 'https://florin.test',
    accessTokenMs: 600_000,
    serviceTokenMs: 300_000,
    sessionMs: 30 * 86_400_000,
    stepUpSeconds: 600,
  },
  relyingParty: { name: 'Florin', id: 'florin.test', origins: ['https://app.florin.test', 'https://florin.test'] },
  serviceClients: new Map([
    ['gateway', hashSecret(gatewaySecret)],
    ['accounts', hashSecret('accounts-secret-0123456789')],
  ]),
  locationDatabase: undefined as string | undefined,
  // Nobody listens there; tests that need somebody say where.
  services: { accounts: 'http://127.0.0.1:9', transactions: 'http://127.0.0.1:9', notification: 'http://127.0.0.1:9' },
};

/** Starts the service. */
export async function startIdentity(overrides: Partial<typeof testConfig> = {}): Promise<TestIdentity> {
  const database = await identityDatabase();
  const db = createDatabase<Tables>(createPool({ url: database.url, schema, applicationName: 'identity-test' }));
  const resources = await openResources(db, { ...testConfig, ...overrides });
  const lines: string[] = [];
  const logger = createLogger({
    service: schema,
    level: 'trace',
    destination: { write: (line: string) => void lines.push(line) },
  });
  const app = buildApp({ ...resources, logger });
  await app.ready();
  let registered = 0;

  const call: TestIdentity['call'] = async (method, url, { token, body, headers = {} } = {}) => {
    const reply = await app.inject({
      method,
      url,
      headers: {
        ...headers,
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { payload: JSON.stringify(body) }),
    });
    const text = reply.body;
    return {
      status: reply.statusCode,
      headers: reply.headers,
      text,
      body: isJson(reply.headers) ? JSON.parse(text) : {},
    };
  };
  const logIn: TestIdentity['logIn'] = (email, secret = password) =>
    call('POST', '/v1/auth/login', { body: { email, password: secret } });

  return {
    app,
    resources,
    db,
    database,
    logs: () => lines.join(''),
    call,
    logIn,
    refresh: (refreshToken) => call('POST', '/v1/auth/refresh', { body: { refreshToken } }),
    async visitor(email = `visitor${++registered}@example.com`) {
      const made = await call('POST', '/v1/auth/register', { body: { email, password, name: 'A Visitor' } });
      if (made.status !== 201) throw new Error(made.text);
      return { id: String(made.body.id), email, tokens: tokensOf(await logIn(email)) };
    },
    async admin() {
      await createFirstAdmin(resources, admin);
      return tokensOf(await logIn(admin.email, admin.password));
    },
    async serviceToken(client, secret) {
      const body = { client, secret, audience: 'identity' };
      return String((await call('POST', '/internal/service-tokens', { body })).body.token);
    },
    async close() {
      await app.close();
      await db.destroy();
      await database.drop();
    },
  };
}

/** The tokens of a successful login or refresh. */
export function tokensOf(answer: Answer): SessionTokens {
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body as unknown as SessionTokens;
}

/** The claims of a token, not verified. */
export function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
}

/** The problem code of an answer. */
export function codeOf(answer: Answer): unknown {
  return answer.body.code;
}

function isJson(headers: Record<string, unknown>): boolean {
  return /json/.test(String(headers['content-type'] ?? ''));
}
