import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isPortFree } from './ports.ts';
import { launchPostgres, type RunningServer } from './postgres.ts';
import { isRabbitmqInstalled } from './rabbitmq.ts';
import { isRedisInstalled } from './redis.ts';

let folder: string;
const servers: RunningServer[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'florin-launch-'));
});

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  rmSync(folder, { recursive: true, force: true });
});

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A process with a server of its own, whose temporary folder is in ours; tells the server's port and process id. */
async function startOwner(launch: string) {
  const program = `
    import * as local from '${new URL('../index.ts', import.meta.url).href}';
    const { pid, port } = await local.${launch}();
    process.send({ pid, port });
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, TMPDIR: folder },
  });
  const [server] = (await once(owner, 'message')) as [{ pid: number; port: number }];
  return { owner, server };
}

describe.each([
  { launch: 'launchPostgres', installed: true },
  { launch: 'launchRedis', installed: isRedisInstalled() },
  { launch: 'launchRabbitmq', installed: isRabbitmqInstalled() },
])('$launch', ({ launch, installed }) => {
  it.runIf(installed)('leaves nothing behind when its owner is killed', async () => {
    const { owner, server } = await startOwner(launch);
    expect(isAlive(server.pid)).toBe(true);
    expect(readdirSync(folder).length).toBe(1);
    owner.kill('SIGKILL');
    await vi.waitFor(() => {
      expect(isAlive(server.pid)).toBe(false);
      expect(readdirSync(folder)).toEqual([]);
    }, 10_000);
    expect(await isPortFree(server.port)).toBe(true);
  });

  it.runIf(installed)('leaves nothing behind when its owner is killed while the server is frozen', async () => {
    const { owner, server } = await startOwner(launch);
    process.kill(server.pid, 'SIGSTOP');
    owner.kill('SIGKILL');
    await vi.waitFor(() => expect(isAlive(server.pid)).toBe(false), 15_000);
  });
});

describe('launchPostgres', () => {
  it('keeps data in a folder, durably, for the next start', async () => {
    const first = await launchPostgres({ folder, password: 'kept' });
    servers.push(first);
    expect(await query(first.url, 'show fsync')).toEqual([{ fsync: 'on' }]);
    await query(first.url, "create table kept as select 'still here' as text");
    await first.stop();
    const second = await launchPostgres({ folder, password: 'kept', port: first.port });
    servers.push(second);
    expect(await query(second.url, 'select text from kept')).toEqual([{ text: 'still here' }]);
  });

  it('takes no connection without the password', async () => {
    const server = await launchPostgres();
    servers.push(server);
    const url = new URL(server.url);
    url.password = 'guess';
    await expect(query(url.href, 'select 1')).rejects.toThrow('password authentication failed');
  });

  it('tells when it ended by itself, and comes back on its data after a kill', async () => {
    const first = await launchPostgres({ folder, password: 'kept' });
    servers.push(first);
    process.kill(first.pid, 'SIGKILL');
    expect(await first.exited).toBe('ended with SIGKILL');
    await vi.waitFor(async () => {
      servers.push(await launchPostgres({ folder, password: 'kept', port: first.port }));
    }, 10_000);
    expect(await query(first.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('removes its temporary folder at the stop, also where other users cannot reach it', async () => {
    vi.stubEnv('TMPDIR', folder);
    const server = await launchPostgres();
    expect(readdirSync(folder).length).toBe(1);
    expect(await query(server.url, 'show synchronous_commit')).toEqual([{ synchronous_commit: 'on' }]);
    await server.stop();
    vi.unstubAllEnvs();
    expect(readdirSync(folder)).toEqual([]);
  });
});
