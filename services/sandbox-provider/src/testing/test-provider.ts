import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { migrate, provision } from '@florin/database';
import { createTestDatabase, type TestDatabase, testPassword } from '@florin/testing';
import { buildApp } from '../app.ts';
import { readEnv, toConfig } from '../config.ts';
import { type Dependencies, openDependencies } from '../dependencies.ts';

export const apiKey = 'sandbox-api-key-for-tests';
export const webhookSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

/** A webhook as it arrived: the exact bytes, as text, and its headers. */
export interface Received {
  headers: Record<string, string>;
  body: string;
}

/** A customer's side of the webhooks: an HTTP server that keeps what arrives. */
export interface Receiver {
  url: string;
  received: Received[];
  /** The statuses of the next answers, in order; 200 when there are none left. */
  answers: (number | 'never')[];
  close(): Promise<void>;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Listens on a free port. */
export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const answers: Receiver['answers'] = [];
  const server = createHttpServer(async (request, response) => {
    received.push({ body: await readBody(request), headers: request.headers as Record<string, string> });
    const status = answers.shift() ?? 200;
    if (status !== 'never') response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    received,
    answers,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A database with the provider's schema, empty. */
export function createProviderDatabase(): Promise<TestDatabase> {
  return createTestDatabase({
    schema: 'sandbox_provider',
    prepare: async ({ adminUrl, ownerUrl }) => {
      const schema = 'sandbox_provider';
      await provision({ adminUrl, services: [{ name: schema, password: testPassword, ownerPassword: testPassword }] });
      const folder = join(import.meta.dirname, '../../migrations');
      await migrate({ url: ownerUrl, schema, folder, role: schema });
    },
  });
}

/** The environment of a provider on this database that calls back to `webhookUrl` and retries soon. */
export function providerEnv(databaseUrl: string, webhookUrl: string): Record<string, string> {
  return {
    PORT: '0',
    DATABASE_URL: databaseUrl,
    API_KEY: apiKey,
    WEBHOOK_SECRET: webhookSecret,
    WEBHOOK_URL: webhookUrl,
    WEBHOOK_RETRY_BASE_MS: '50',
    LOG_LEVEL: 'silent',
  };
}

/** A provider in this process, not listening; use app.inject. */
export async function openProvider(databaseUrl: string, webhookUrl: string) {
  const dependencies: Dependencies = await openDependencies(toConfig(readEnv(providerEnv(databaseUrl, webhookUrl))));
  const app = await buildApp(dependencies);
  return {
    app,
    dependencies,
    async close() {
      await app.close();
      await dependencies.close();
    },
  };
}
