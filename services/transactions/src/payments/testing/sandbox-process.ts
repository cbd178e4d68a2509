import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { migrate, provision } from '@florin/database';
import { createTestDatabase, eventually, type TestDatabase, testPassword } from '@florin/testing';

const service = join(import.meta.dirname, '../../../../sandbox-provider');

export const sandboxApiKey = 'sandbox-api-key-for-tests';
export const sandboxSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

/** The sandbox provider's database. */
export function createSandboxDatabase(): Promise<TestDatabase> {
  return createTestDatabase({
    schema: 'sandbox_provider',
    prepare: async ({ adminUrl, ownerUrl }) => {
      const schema = 'sandbox_provider';
      await provision({ adminUrl, services: [{ name: schema, password: testPassword, ownerPassword: testPassword }] });
      await migrate({ url: ownerUrl, schema, folder: join(service, 'migrations'), role: schema });
    },
  });
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

/** The real sandbox provider, as a process of its own. */
export interface SandboxProcess {
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
}

/** Starts the provider on `port` and resolves when it answers. */
export async function startSandbox(options: {
  databaseUrl: string;
  port: number;
  webhookUrl: string;
}): Promise<SandboxProcess> {
  const env = {
    PORT: String(options.port),
    DATABASE_URL: options.databaseUrl,
    API_KEY: sandboxApiKey,
    WEBHOOK_SECRET: sandboxSecret,
    WEBHOOK_URL: options.webhookUrl,
    WEBHOOK_RETRY_BASE_MS: '100',
    LOG_LEVEL: 'warn',
  };
  const child = spawn(process.execPath, [join(service, 'src/main.ts')], {
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  await eventually(async () => assertLive(child, options.port), { timeoutMs: 20_000 });
  return {
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

async function assertLive(child: ChildProcess, port: number): Promise<void> {
  if (child.exitCode !== null) throw new Error(`the sandbox provider ended with ${child.exitCode}`);
  const answer = await fetch(`http://127.0.0.1:${port}/health/live`);
  if (answer.status !== 200) throw new Error(`the sandbox provider answered ${answer.status}`);
}
