import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDatabase, createPool, provision } from '@florin/database';
import { createTestDatabase, eventually, type TestDatabase, testPassword } from '@florin/testing';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const folder = join(import.meta.dirname, '..');
let database: TestDatabase;
const children: ChildProcess[] = [];

beforeEach(async () => {
  database = await createTestDatabase({
    schema: 'identity',
    variant: 'bare',
    prepare: async ({ adminUrl }) => {
      const services = [{ name: 'identity', password: testPassword, ownerPassword: testPassword }];
      await provision({ adminUrl, services, busPassword: testPassword });
    },
  });
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await database.drop();
});

/** Runs a file of the service with these settings and nothing else of ours; `output` grows. */
function run(args: string[], env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, args, { cwd: folder, env: { PATH: process.env.PATH, ...env } });
  children.push(child);
  const running = { child, output: '', exit: once(child, 'exit').then(([code]) => code as number | null) };
  child.stdout.on('data', (data) => {
    running.output += data;
  });
  child.stderr.on('data', (data) => {
    running.output += data;
  });
  return running;
}

function settings(): NodeJS.ProcessEnv {
  return {
    PORT: '0',
    DATABASE_URL: database.url,
    BUS_URL: database.busUrl,
    KEY_ENCRYPTION_KEY: Buffer.alloc(32, 1).toString('base64'),
    SERVICE_CLIENTS: 'gateway:gateway-secret-0123456789',
    ACCOUNTS_URL: 'http://127.0.0.1:9',
    TRANSACTIONS_URL: 'http://127.0.0.1:9',
    NOTIFICATION_URL: 'http://127.0.0.1:9',
    FLORIN_ADMIN_EMAIL: 'admin@florin.test',
    FLORIN_ADMIN_PASSWORD: 'canary admin password',
    SHUTDOWN_GRACE_MS: '0',
  };
}

function post(url: string, body: object): Promise<Response> {
  return fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
}

/** What the processes run that this one has started; Linux alone tells. */
function programsOf(pid: number | undefined): string[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return children.map((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').split('\0')[1] ?? '');
}

describe('the process', () => {
  it('refuses a database without its migrations, then migrates, starts, serves, publishes and stops', {
    timeout: 60_000,
  }, async () => {
    const service = ['--import', './src/telemetry.ts', 'src/main.ts'];
    const tooEarly = run(service, settings());
    expect(await tooEarly.exit).not.toBe(0);
    expect(tooEarly.output).toContain('run the migrations first');

    expect(await run(['src/migrate.ts'], { MIGRATION_DATABASE_URL: database.ownerUrl }).exit).toBe(0);
    const running = run(service, settings());
    const base = await eventually(
      async () => {
        const address = /http:\/\/127\.0\.0\.1:\d+/.exec(running.output)?.[0];
        if (address === undefined) throw new Error(running.output);
        return address;
      },
      { timeoutMs: 10_000 },
    );
    expect((await fetch(`${base}/health/ready`)).status).toBe(200);
    const login = await post(`${base}/v1/auth/login`, {
      email: 'admin@florin.test',
      password: 'canary admin password',
    });
    if (process.platform === 'linux') {
      expect(programsOf(running.child.pid)).toEqual([expect.stringMatching(/hash-program\.ts$/)]);
    }
    const { refreshToken } = (await login.json()) as { refreshToken: string };

    // Two at once over real sockets: however they meet, one rotates and the other gets the same successor.
    const answers = await Promise.all(
      [1, 2].map(async () => {
        const answer = await post(`${base}/v1/auth/refresh`, { refreshToken });
        return ((await answer.json()) as { refreshToken: string }).refreshToken;
      }),
    );
    expect(answers[1]).toBe(answers[0]);
    expect((await post(`${base}/v1/auth/refresh`, { refreshToken: answers[0] })).status).toBe(200);

    const db = createDatabase<{ outbox: { position: bigint } }>(
      createPool({ url: database.url, schema: 'identity', applicationName: 'identity-test' }),
    );
    await eventually(async () => expect((await sql`select 1 from outbox`.execute(db)).rows).toEqual([]), {
      timeoutMs: 10_000,
    });
    await db.destroy();
    expect(await (await fetch(`${base}/metrics`)).text()).toMatch(/logins_total\{outcome="success"\} 1/);

    running.child.kill('SIGTERM');
    expect(await running.exit).toBe(0);
    expect(running.output).not.toContain('canary');
  });
});
