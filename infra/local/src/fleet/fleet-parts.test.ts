import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../launchers/ports.ts';
import { BackOff } from './back-off.ts';
import { checkPorts } from './check-ports.ts';
import { homeFiles, takeHome } from './home.ts';
import { LocalSettingsError, portSettings, readLocalSettings } from './local-settings.ts';
import { prometheusConfiguration } from './monitoring.ts';
import { processEnvironment } from './process-environment.ts';
import { processes } from './processes.ts';
import { Secrets } from './secrets.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'florin-parts-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('settings', () => {
  it('have the documented defaults', () => {
    const settings = readLocalSettings({}, '/checkout');
    expect(settings).toMatchObject({ home: '/checkout/.florin', demo: true, temporary: false, databaseUrl: undefined });
    expect(settings.ports).toMatchObject({ GATEWAY_PORT: 8080, IDENTITY_PORT: 3001, FLORIN_POSTGRES_PORT: 54_320 });
  });

  it.each([
    [{ GATEWAY_PORT: 'http' }, 'GATEWAY_PORT must be a port from 1 to 65535, not http.'],
    [{ GATEWAY_PORT: '70000' }, 'GATEWAY_PORT must be a port from 1 to 65535, not 70000.'],
    [{ FLORIN_DEMO: 'no' }, 'FLORIN_DEMO must be on or off, not no.'],
    [{ DATABASE_URL: 'mysql://root:canary@x/y' }, 'DATABASE_URL must be an address that begins with postgres://.'],
    [{ AMQP_URL: 'canary' }, 'AMQP_URL must be an address that begins with amqp://.'],
    [{ SMTP_URL: 'http://canary' }, 'SMTP_URL must be an address that begins with smtp://.'],
  ])('%j is refused in one line without the value of a secret', (environment, line) => {
    expect(() => readLocalSettings(environment, '/checkout')).toThrow(LocalSettingsError);
    expect(() => readLocalSettings(environment, '/checkout')).toThrow(line);
  });

  it('give every process a port of its own by default', () => {
    const ports = portSettings.map((setting) => setting.default);
    expect(new Set(ports).size).toBe(ports.length);
  });
});

describe('the table of processes', () => {
  const facts = {
    settings: readLocalSettings({}, '/checkout'),
    servers: { amqpUrl: null, redisUrl: null, smtpUrl: 'smtp://florin:mail-canary@relay' },
    adminUrl: 'postgres://postgres:root-canary@127.0.0.1:54320/florin',
    admin: { email: 'admin@florin.example', password: 'admin-canary' },
    inherited: {
      LOG_LEVEL: 'debug',
      DATABASE_URL: 'postgres://mine',
      SMTP_URL: 'smtp://mine',
      PORT: '1',
      FLORIN_ADMIN_PASSWORD: 'x',
    },
    secret: (name: string) => `secret-of-${name}`,
  };

  it.each(processes.map((definition) => ({ name: definition.name, definition })))(
    '$name gets its own role, its port and what is set for all, and no password of the superuser',
    ({ definition }) => {
      const environment = processEnvironment(definition, facts);
      expect(environment).toMatchObject({
        HOST: '127.0.0.1',
        PORT: String(definition.port.default),
        LOG_LEVEL: 'debug',
      });
      expect(environment.DATABASE_URL?.includes(`//${definition.schema}:`)).toBe(definition.schema && true);
      expect(JSON.stringify(environment)).not.toContain('root-canary');
      expect(environment.FLORIN_ADMIN_PASSWORD).toBe(definition.name === 'identity' ? 'admin-canary' : undefined);
      expect(environment.SMTP_URL).toBe(definition.name === 'identity' ? facts.servers.smtpUrl : undefined);
    },
  );

  it('puts events on RabbitMQ where there is one, else on Postgres as the role bus', () => {
    const [identity] = processes;
    if (identity === undefined) throw new Error('no processes');
    expect(processEnvironment(identity, facts).BUS_URL).toMatch(/^postgres:\/\/bus:secret-of-database.bus@/);
    const amqp = { ...facts, servers: { ...facts.servers, amqpUrl: 'amqp://broker' } };
    expect(processEnvironment(identity, amqp).BUS_URL).toBe('amqp://broker');
  });

  it('tells identity the same client secrets as the clients', () => {
    const environments = new Map(
      processes.map((definition) => [definition.name, processEnvironment(definition, facts)]),
    );
    const clients = environments.get('identity')?.SERVICE_CLIENTS?.split(',') ?? [];
    expect(clients).toContain(`accounts:${environments.get('accounts')?.SERVICE_CLIENT_SECRET}`);
    expect(clients).toContain(`gateway:${environments.get('gateway')?.SERVICE_CLIENT_SECRET}`);
  });
});

describe('secrets', () => {
  it('are kept, differ from each other and can be read by nobody else', () => {
    const file = join(folder, 'secrets.json');
    const first = new Secrets(file);
    expect(first.get('a')).toMatch(/^[0-9a-f]{48}$/);
    expect(first.get('b')).not.toBe(first.get('a'));
    expect(new Secrets(file).get('a')).toBe(first.get('a'));
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('that cannot be read are not replaced: the data would be locked', () => {
    const file = join(folder, 'secrets.json');
    writeFileSync(file, '{ broken');
    expect(() => new Secrets(file)).toThrow('cannot be read');
    expect(readFileSync(file, 'utf8')).toBe('{ broken');
  });
});

describe('the home', () => {
  it('is one fleet’s at a time', () => {
    const taken = takeHome(folder);
    writeFileSync(homeFiles(folder).lock, String(process.ppid));
    expect(() => takeHome(folder)).toThrow(`Florin already runs in ${folder} (process ${process.ppid})`);
    taken.release();
    expect(takeHome(folder).wasKilled).toBe(false);
  });

  it('of a fleet that was killed is taken over, and its fleet.json is gone', () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(homeFiles(folder).lock, '4194303');
    writeFileSync(homeFiles(folder).fleet, '{}');
    expect(takeHome(folder).wasKilled).toBe(true);
    expect(existsSync(homeFiles(folder).fleet)).toBe(false);
  });

  it('that is temporary is removed at the end, and must be empty at the start', () => {
    const home = join(folder, 'home');
    takeHome(home, true).release();
    expect(existsSync(home)).toBe(false);
    writeFileSync(join(folder, 'thesis.txt'), 'years of work');
    expect(() => takeHome(folder, true)).toThrow('is not empty');
    expect(existsSync(join(folder, 'thesis.txt'))).toBe(true);
  });
});

describe('a taken port', () => {
  it('is one line that says whose it is and what to set', async () => {
    const port = await freePort();
    const server = createServer().listen(port, '127.0.0.1');
    await expect(checkPorts({ GATEWAY_PORT: port }, 0)).rejects.toThrow(
      `Port ${port} is taken (gateway). Set GATEWAY_PORT or stop what uses it.`,
    );
    setTimeout(() => server.close(), 150);
    await checkPorts({ GATEWAY_PORT: port }, 5000);
  });

  it('is also one that two settings share', async () => {
    await expect(checkPorts({ GATEWAY_PORT: 9000, IDENTITY_PORT: 9000 }, 0)).rejects.toThrow('must differ');
  });
});

describe('restarts', () => {
  it('begin at once, then wait longer and longer, and start over after a good run', () => {
    const backOff = new BackOff({ firstMs: 250, longestMs: 1000, goodRunMs: 10_000 });
    expect([0, 0, 0, 0, 0].map((ran) => backOff.next(ran))).toEqual([0, 250, 500, 1000, 1000]);
    expect(backOff.next(10_000)).toBe(0);
    expect(backOff.next(0)).toBe(250);
  });
});

describe('Prometheus', () => {
  it('reads every process’s metrics under its name, and the rules of the repository', () => {
    const metrics = [
      { name: 'gateway', pid: 1, url: 'http://127.0.0.1:8080', metrics: 'http://127.0.0.1:9464/metrics' },
    ];
    expect(prometheusConfiguration(metrics, '/rules/*.yml', 9093)).toMatchObject({
      rule_files: ['/rules/*.yml'],
      alerting: { alertmanagers: [{ static_configs: [{ targets: ['127.0.0.1:9093'] }] }] },
      scrape_configs: [{ static_configs: [{ targets: ['127.0.0.1:9464'], labels: { service: 'gateway' } }] }],
    });
    expect(prometheusConfiguration(metrics, '/rules/*.yml', undefined)).not.toHaveProperty('alerting');
  });
});
