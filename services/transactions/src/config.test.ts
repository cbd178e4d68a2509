import { describe, expect, test } from 'vitest';
import { readEnv, toConfig } from './config.ts';

const needed = {
  DATABASE_URL: 'postgres://transactions:s3cret@127.0.0.1/florin',
  BUS_URL: 'postgres://bus:s3cret@127.0.0.1/florin',
  IDENTITY_URL: 'http://127.0.0.1:3001',
  NOTIFICATION_URL: 'http://127.0.0.1:3004',
  LEDGER_SEAL_KEY: Buffer.alloc(32, 7).toString('base64'),
};

describe('settings', () => {
  test('need only what has no sensible default', () => {
    expect(toConfig(readEnv(needed))).toMatchObject({
      port: 3003,
      engine: { lanes: 2, maxBatch: 256, maxQueue: 10_000, deadlineMs: 4_000 },
      payments: { providers: {} },
    });
  });

  test('that are wrong are named in one line, without secrets', () => {
    const read = () => readEnv({ ...needed, LEDGER_LANES: '0', BUS_URL: '' });
    expect(read).toThrow(/^BUS_URL must be set[^\n]*LEDGER_LANES[^\n]*$/);
    expect(read).not.toThrow(/s3cret/);
  });
});
