import { proofSettings } from '@florin/auth';
import { busSettings, commonSettings, databaseSettings, readSettings } from '@florin/service';
import Type, { type Static } from 'typebox';

/** The settings of the process, by the names of their environment variables. */
export const settings = Type.Object({
  ...commonSettings,
  ...databaseSettings('accounts'),
  ...busSettings,
  PORT: Type.Integer({ default: 3002, minimum: 0, maximum: 65_535, description: 'Port to listen on' }),
  IDENTITY_URL: Type.String({ minLength: 1, description: 'Base URL of identity' }),
  LEDGER_URL: Type.String({ minLength: 1, description: 'Base URL of transactions, which has the ledger' }),
  SERVICE_CLIENT_SECRET: Type.String({ minLength: 1, secret: true, description: 'Secret for service tokens' }),
  ACCOUNT_NUMBER_COUNTRY: Type.String({
    default: 'LU',
    pattern: '^[A-Z]{2}$',
    description: 'Country of the account numbers (IBAN); one without national check digits',
  }),
  ACCOUNT_NUMBER_BANK_CODE: Type.String({
    default: '999',
    pattern: '^[0-9]{1,12}$',
    description: 'Bank code in the account numbers, as long as the country wants it',
  }),
  ...proofSettings('How long after a login or step-up a session may add payees'),
  PAYEES_PER_OWNER: Type.Integer({
    default: 1_000,
    minimum: 1,
    maximum: 100_000,
    description: 'How many payees a person may have',
  }),
});

/** @throws {SettingsError} */
export function readEnv(env: NodeJS.ProcessEnv): Static<typeof settings> {
  return readSettings(settings, env);
}

/** The configuration as the code uses it. Durations are milliseconds. */
export function toConfig(env: Static<typeof settings>) {
  return {
    host: env.HOST,
    port: env.PORT,
    logLevel: env.LOG_LEVEL,
    shutdownGraceMs: env.SHUTDOWN_GRACE_MS,
    database: { url: env.DATABASE_URL, poolSize: env.DATABASE_POOL_SIZE },
    bus: { url: env.BUS_URL, namespace: env.BUS_NAMESPACE },
    identityUrl: env.IDENTITY_URL,
    ledgerUrl: env.LEDGER_URL,
    tokenIssuer: env.TOKEN_ISSUER,
    serviceClientSecret: env.SERVICE_CLIENT_SECRET,
    numbers: { country: env.ACCOUNT_NUMBER_COUNTRY, bankCode: env.ACCOUNT_NUMBER_BANK_CODE },
    payees: { stepUpSeconds: env.STEP_UP_SECONDS, perOwner: env.PAYEES_PER_OWNER },
  };
}

export type Config = ReturnType<typeof toConfig>;
