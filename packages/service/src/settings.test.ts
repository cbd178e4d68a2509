import Type from 'typebox';
import { describe, expect, test } from 'vitest';
import { commonSettings, readSettings, SettingsError } from './settings.ts';

const schema = Type.Object({
  ...commonSettings,
  PORT: Type.Integer({ default: 3002, minimum: 0, maximum: 65_535 }),
  RATIO: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  ENABLED: Type.Boolean({ default: false }),
  DATABASE_URL: Type.String({ pattern: '^postgres://', secret: true }),
});
const url = 'postgres://user:canary@db/florin';

function complaint(env: NodeJS.ProcessEnv): string {
  try {
    readSettings(schema, { DATABASE_URL: url, ...env });
  } catch (error) {
    expect(error).toBeInstanceOf(SettingsError);
    return (error as Error).message;
  }
  return 'no complaint';
}

describe('readSettings', () => {
  test('fills in defaults and reads nothing that is not named', () => {
    expect(readSettings(schema, { DATABASE_URL: url, PATH: '/bin', PORT: '' })).toEqual({
      HOST: '127.0.0.1',
      LOG_LEVEL: 'info',
      SHUTDOWN_GRACE_MS: 5000,
      TOKEN_ISSUER: 'https://florin.dev',
      PORT: 3002,
      ENABLED: false,
      DATABASE_URL: url,
    });
  });

  test('turns texts into numbers and booleans', () => {
    const settings = readSettings(schema, { DATABASE_URL: url, PORT: '0', RATIO: '0.25', ENABLED: 'true' });
    expect(settings).toMatchObject({ PORT: 0, RATIO: 0.25, ENABLED: true });
  });

  test.each([
    [{ PORT: 'abc' }, 'PORT must be a whole number of at least 0 and at most 65535 (it is "abc")'],
    [{ PORT: '70000' }, 'PORT must be a whole number of at least 0 and at most 65535 (it is 70000)'],
    [{ PORT: '3002.5' }, 'PORT must be a whole number of at least 0 and at most 65535 (it is "3002.5")'],
    [{ PORT: '0x10' }, 'PORT must be a whole number of at least 0 and at most 65535 (it is "0x10")'],
    [{ RATIO: '2' }, 'RATIO must be a number of at least 0 and at most 1 (it is 2)'],
    [{ ENABLED: 'yes' }, 'ENABLED must be true or false (it is "yes")'],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent (it is "loud")'],
    [{ DATABASE_URL: '' }, 'DATABASE_URL must be set: a text of the form ^postgres://'],
    [{ HOST: 'a\nb', PORT: 'x\ny' }, 'PORT must be a whole number of at least 0 and at most 65535 (it is "x\\ny")'],
  ])('%j → %s', (env, message) => {
    expect(complaint(env)).toBe(message);
  });

  test('names every wrong variable in one line, and no secret value', () => {
    const message = complaint({ PORT: 'x', DATABASE_URL: 'mysql://root:canary@db' });
    expect(message).toBe(
      'PORT must be a whole number of at least 0 and at most 65535 (it is "x"); DATABASE_URL must be a text of the form ^postgres://',
    );
  });
});
