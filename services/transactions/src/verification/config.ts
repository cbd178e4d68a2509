import { readSettings, SettingsError } from '@florin/service';
import Type from 'typebox';
import { sealKey } from '../seals/seal-key.ts';
import { sealSettings } from '../seals/seal-settings.ts';

const settings = Type.Object({
  DATABASE_URL: Type.String({ minLength: 1, secret: true, description: 'Postgres, as the role transactions' }),
  LEDGER_SEAL_KEY: Type.Optional(sealSettings.LEDGER_SEAL_KEY),
  LEDGER_SEAL_PUBLIC_KEYS: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9_-]{43}(,[A-Za-z0-9_-]{43})*$',
      description: 'Public keys that seals may be signed with, as seals name them: former ones, or instead of the key',
    }),
  ),
});

/** What verifying is run with. */
export interface VerifyConfig {
  readonly databaseUrl: string;
  readonly trustedKeys: ReadonlySet<string>;
}

/** Reads the environment. @throws {SettingsError} */
export function readVerifyConfig(env: NodeJS.ProcessEnv = process.env): VerifyConfig {
  const { DATABASE_URL, LEDGER_SEAL_KEY: secret, LEDGER_SEAL_PUBLIC_KEYS: names } = readSettings(settings, env);
  const own = secret === undefined ? [] : [sealKey(Buffer.from(secret, 'base64')).name];
  const trustedKeys = new Set([...own, ...(names?.split(',') ?? [])]);
  if (trustedKeys.size === 0) throw new SettingsError('LEDGER_SEAL_KEY or LEDGER_SEAL_PUBLIC_KEYS must be set');
  return { databaseUrl: DATABASE_URL, trustedKeys };
}
