import { SettingsError } from '@florin/service';
import { describe, expect, it } from 'vitest';
import { readEnv, toConfig } from './config.ts';

const least = {
  DATABASE_URL: 'postgres://accounts:canary@localhost/florin',
  BUS_URL: 'postgres://bus:canary@localhost/florin',
  IDENTITY_URL: 'http://localhost:3001',
  LEDGER_URL: 'http://localhost:3003',
  SERVICE_CLIENT_SECRET: 'canary',
};

describe('the settings', () => {
  it('have defaults for all but the neighbours and secrets', () => {
    expect(toConfig(readEnv({ ...least, PORT: '' }))).toMatchObject({
      host: '127.0.0.1',
      port: 3002,
      database: { poolSize: 10 },
      bus: { namespace: 'florin' },
      numbers: { country: 'LU', bankCode: '999' },
      payees: { stepUpSeconds: 600, perOwner: 1_000 },
    });
  });

  it.each(Object.keys(least))('name %s when it is missing, and show no secret', (name) => {
    const read = () => readEnv({ ...least, [name]: undefined });
    expect(read).toThrow(SettingsError);
    expect(read).toThrow(name);
    expect(read).not.toThrow('canary');
  });

  it.each([
    ['PORT', 'http'],
    ['ACCOUNT_NUMBER_COUNTRY', 'lu'],
    ['ACCOUNT_NUMBER_BANK_CODE', '9a'],
    ['STEP_UP_SECONDS', '0'],
    ['PAYEES_PER_OWNER', '0'],
  ])('refuse %s=%s', (name, value) => {
    expect(() => readEnv({ ...least, [name]: value })).toThrow(name);
  });
});
