import { readFileSync } from 'node:fs';
import { SettingsError } from '@florin/service';
import { describe, expect, it } from 'vitest';
import { readEnv, settings, toConfig } from './config.ts';

const env = {
  DATABASE_URL: 'postgres://identity:canary-database@localhost/florin',
  BUS_URL: 'amqp://guest:canary-bus@localhost',
  KEY_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
  SERVICE_CLIENTS: 'accounts:canary-secret-accounts,gateway:canary-secret-gateway',
  ACCOUNTS_URL: 'http://accounts:3002',
  TRANSACTIONS_URL: 'http://transactions:3003',
  NOTIFICATION_URL: 'http://notification:3004',
};

function configOf(changes: NodeJS.ProcessEnv = {}) {
  return toConfig(readEnv({ ...env, ...changes }));
}

describe('settings', () => {
  it('defaults', () => {
    expect(configOf()).toMatchObject({
      port: 3001,
      masterKey: Buffer.alloc(32, 7),
      firstAdmin: undefined,
      tokens: {
        issuer: 'https://florin.dev',
        accessTokenMs: 600_000,
        serviceTokenMs: 300_000,
        sessionMs: 2_592_000_000,
        stepUpSeconds: 600,
      },
      passwordHashing: { concurrency: 2, maxWaiting: 128, cpuPercent: 10, patienceMs: 2_500 },
    });
    expect([...configOf().serviceClients.keys()]).toEqual(['accounts', 'gateway']);
  });

  it('each stands in the README', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    expect(Object.keys(settings.properties).filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
  });

  it.each<[string, NodeJS.ProcessEnv]>([
    ['DATABASE_URL', { DATABASE_URL: '' }],
    ['KEY_ENCRYPTION_KEY', { KEY_ENCRYPTION_KEY: '' }],
    ['KEY_ENCRYPTION_KEY', { KEY_ENCRYPTION_KEY: 'canary' }],
    ['SERVICE_CLIENTS', { SERVICE_CLIENTS: 'accounts:canary' }],
    ['SERVICE_CLIENTS', { SERVICE_CLIENTS: 'a:canary-secret-canary,a:canary-secret-canary' }],
    ['FLORIN_ADMIN_PASSWORD', { FLORIN_ADMIN_EMAIL: 'admin@example.com' }],
    ['FLORIN_ADMIN_PASSWORD', { FLORIN_ADMIN_EMAIL: 'admin@example.com', FLORIN_ADMIN_PASSWORD: 'canary' }],
    [
      'FLORIN_ADMIN_PASSWORD',
      { FLORIN_ADMIN_EMAIL: 'canary@example.com', FLORIN_ADMIN_PASSWORD: 'Canary@example.com' },
    ],
    ['FLORIN_ADMIN_EMAIL', { FLORIN_ADMIN_EMAIL: 'admin', FLORIN_ADMIN_PASSWORD: 'canary-canary' }],
    ['ACCESS_TOKEN_SECONDS', { ACCESS_TOKEN_SECONDS: '10' }],
  ])('%s is refused in one line without secrets: %j', (name, changes) => {
    const read = () => configOf(changes);
    expect(read).toThrow(SettingsError);
    expect(read).toThrow(name);
    expect(read).not.toThrow(/canary|\n/i);
  });
});
