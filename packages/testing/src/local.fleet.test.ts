import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, type Fleet, startFleet } from './index.ts';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function isReady(url: string): Promise<void> {
  const reply = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(1000) });
  expect(reply.status).toBe(200);
}

describe.each(['embedded', 'rabbitmq'] as const)('npm start on %s', (transport) => {
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await startFleet({ transport, env: { FLORIN_DEMO: 'on' } });
  });

  afterAll(async () => {
    await fleet?.stop();
  });

  it('writes what runs into fleet.json, for its user alone', async () => {
    expect(statSync(join(fleet.home, 'fleet.json')).mode & 0o777).toBe(0o600);
    expect(fleet.processes.map(({ name }) => name)).toContain('transactions');
    for (const { url, metrics, pid } of fleet.processes) {
      expect(isAlive(pid)).toBe(true);
      await isReady(url);
      expect(await (await fetch(metrics)).text()).toContain('process_cpu_seconds_total');
    }
    expect(fleet.amqp === null).toBe(transport === 'embedded');
  });

  it('made the demo through the public API: a deposit that the provider settled, and transfers', async () => {
    const reply = await fetch(`${fleet.gateway}/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: 'ada@florin.example', password: demoPassword(fleet) }),
    });
    const { accessToken } = (await reply.json()) as { accessToken: string };
    await eventually(async () => {
      const accounts = await fetch(`${fleet.gateway}/v1/accounts`, {
        headers: { authorization: `Bearer ${accessToken}` },
      });
      const { data } = (await accounts.json()) as { data: { balance: { posted: string } }[] };
      expect(data.map(({ balance }) => balance.posted).sort()).toEqual(['1979.50', '400.00']);
    });
  });

  it('keeps mails in a folder, as they came and to read; the token in one confirms an address at the gateway', async () => {
    const folder = fleet.mail ?? '';
    const mail = await eventually(() => {
      const name = readdirSync(folder).find((file) => file.endsWith('-ada@florin.example.txt')) ?? '';
      expect(existsSync(join(folder, name.replace('.txt', '.eml')))).toBe(true);
      return readFileSync(join(folder, name), 'utf8');
    });
    expect(mail).toContain('Subject: Confirm your email address');
    const token = /#token=([\w-]+)/.exec(mail)?.[1];
    const verify = () =>
      fetch(`${fleet.gateway}/v1/auth/email/verify`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ token }),
      });
    expect((await verify()).status).toBe(204);
    expect((await verify()).status).toBe(400);
  });

  it('starts a killed Postgres again on its data', async () => {
    const pid = fleet.postgres.pid ?? 0;
    process.kill(pid, 'SIGKILL');
    await eventually(() => expect(fleet.output()).toContain('Postgres runs again'), { timeoutMs: 15_000 });
    await eventually(() => isReady(fleet.gateway), { timeoutMs: 10_000 });
    for (const { url } of fleet.processes) await eventually(() => isReady(url), { timeoutMs: 10_000 });
  });

  it('stops everything and removes fleet.json', async () => {
    const pids = fleet.processes.map(({ name }) => fleet.process(name).pid);
    await fleet.stop();
    expect(pids.filter(isAlive)).toEqual([]);
    expect(existsSync(fleet.home)).toBe(false);
  });
});

describe('a fleet whose supervisor is killed', () => {
  it('leaves no process behind', async () => {
    const fleet = await startFleet({ transport: 'embedded' });
    const pids = [...fleet.processes.map(({ pid }) => pid), fleet.postgres.pid ?? 0];
    process.kill(fleet.supervisor, 'SIGKILL');
    await eventually(() => expect(pids.filter(isAlive)).toEqual([]), { timeoutMs: 15_000 });
    await fleet.stop();
  });
});

function demoPassword(fleet: Fleet): string {
  return /ada@florin\.example {2}(\w+)/.exec(fleet.output())?.[1] ?? '';
}
