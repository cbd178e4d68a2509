import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';

const fixture = fileURLToPath(new URL('./lifecycle.fixture.ts', import.meta.url));
type Line = { msg: string; level: number; addresses?: AddressInfo[]; err?: { message: string } };

interface Service {
  child: ChildProcess;
  lines: Line[];
  errors: string[];
  port: number;
  exited: Promise<number | null>;
}

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

async function start(options: { port?: number; graceMs?: number; closeNever?: boolean } = {}): Promise<Service> {
  const child = spawn(process.execPath, [fixture, JSON.stringify({ port: 0, graceMs: 600, ...options })]);
  children.push(child);
  const exited = once(child, 'close').then(([code]) => code as number | null);
  const lines: Line[] = [];
  const errors: string[] = [];
  child.stderr?.on('data', (chunk) => errors.push(String(chunk)));
  const listening = new Promise<number>((resolve) => {
    if (!child.stdout) throw new Error('no stdout');
    createInterface(child.stdout).on('line', (text) => {
      const line = JSON.parse(text) as Line;
      lines.push(line);
      const [address] = line.addresses ?? [];
      if (address) resolve(address.port);
    });
  });
  const port = await Promise.race([listening, exited.then(() => 0)]);
  return { child, lines, errors, port, exited };
}

function request(agent: Agent, port: number, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    get({ agent, port, path, host: '127.0.0.1' }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
      response.once('error', reject);
    }).once('error', reject);
  });
}

/** Requests over kept-alive connections until readiness says to stop, as a load balancer does. */
async function load(port: number): Promise<{ answered: number; failed: unknown[] }> {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const result = { answered: 0, failed: [] as unknown[] };
  let stop = false;
  const clients = Array.from({ length: 8 }, async () => {
    while (!stop) {
      await request(agent, port, '/slow').then(
        (status) => {
          if (status === 200) result.answered += 1;
          else result.failed.push(status);
        },
        (error) => result.failed.push(error),
      );
    }
  });
  while ((await request(agent, port, '/health/ready').catch(() => 0)) === 200) await wait(20);
  // Some time passes in life before a 503 has reached everybody.
  await wait(200);
  stop = true;
  await Promise.all(clients);
  agent.destroy();
  return result;
}

/** How often the main thread of a process has gone to sleep so far. */
function sleeps(pid: number): number {
  return Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

describe('a process with nothing to do', () => {
  test.runIf(process.platform === 'linux')('sleeps: it wakes up fewer than thirty times a second', async () => {
    const { child } = await start();
    await wait(1_000);
    const before = sleeps(child.pid ?? 0);
    await wait(2_000);
    expect((sleeps(child.pid ?? 0) - before) / 2).toBeLessThan(30);
  });
});

describe('runService', { timeout: 20_000 }, () => {
  test('SIGTERM under keep-alive load: readiness 503 first, 0 failed, dependencies closed, exit 0', async () => {
    const { child, port, exited, lines } = await start();
    const loading = load(port);
    await wait(500);
    const endedAt = performance.now();
    child.kill('SIGTERM');
    const { answered, failed } = await loading;
    expect(failed).toEqual([]);
    expect(answered).toBeGreaterThan(20);
    expect(await exited).toBe(0);
    expect(performance.now() - endedAt).toBeGreaterThan(590);
    expect(lines.map(({ msg }) => msg)).toEqual(
      expect.arrayContaining(['shutting down', 'dependencies closed', 'stopped']),
    );
  });

  test('without a grace the same load does lose requests, so the test above can tell', async () => {
    const { child, port } = await start({ graceMs: 0 });
    const loading = load(port);
    await wait(300);
    child.kill('SIGTERM');
    expect((await loading).failed).not.toEqual([]);
  });

  test('a request under way when the listener closes is still answered', async () => {
    const { child, port, exited } = await start({ graceMs: 0 });
    const agent = new Agent({ keepAlive: true });
    await request(agent, port, '/slow');
    const running = request(agent, port, '/slow');
    await wait(50);
    child.kill('SIGTERM');
    expect(await running).toBe(200);
    expect(await exited).toBe(0);
  });

  test('idle connections and endless answers do not hold it up: exit 0 within 10 s', async () => {
    const { child, port, exited } = await start();
    const agent = new Agent({ keepAlive: true });
    await request(agent, port, '/health/live');
    get({ port, path: '/endless', host: '127.0.0.1' }).on('error', () => undefined);
    await wait(100);
    const endedAt = performance.now();
    child.kill('SIGTERM');
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
    expect(performance.now() - endedAt).toBeLessThan(5000);
    agent.destroy();
  });

  test('SIGINT ends it without the grace', async () => {
    const { child, exited } = await start({ graceMs: 8000 });
    const endedAt = performance.now();
    child.kill('SIGINT');
    expect(await exited).toBe(0);
    expect(performance.now() - endedAt).toBeLessThan(2000);
  });

  test('a dependency that does not close: logged, exit 1, within 10 s', async () => {
    const { child, exited, lines } = await start({ closeNever: true, graceMs: 0 });
    child.kill('SIGTERM');
    expect(await exited).toBe(1);
    expect(lines.at(-1)).toMatchObject({ level: 50, msg: 'shutdown did not finish in time' });
  });

  test('a taken port: one line that says so, exit 1', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const { exited, lines, errors } = await start({ port });
    expect(await exited).toBe(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ level: 60, msg: expect.stringContaining(`127.0.0.1:${port} is already in use`) });
    expect(errors).toEqual([]);
    taken.close();
  });

  test.each([
    ['/crash', 'thrown outside of any request'],
    ['/reject', 'rejected outside of any request'],
  ])('%s: an error that nobody caught is logged, exit 1', async (path, message) => {
    const { port, exited, lines } = await start();
    await request(new Agent(), port, path).catch(() => undefined);
    expect(await exited).toBe(1);
    // The line of the request that was under way may come after it.
    const fatal = lines.find(({ level }) => level === 60);
    expect(fatal).toMatchObject({ err: { message } });
  });
});
