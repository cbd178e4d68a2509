import { commonSettings, readSettings } from '@florin/service';
import Type, { type Static } from 'typebox';
import { conversionSettings } from './conversions/conversion-settings.ts';
import { holdSettings } from './holds/hold-settings.ts';
import { paymentSettings, toPaymentConfig } from './payments/payment-settings.ts';
import { sealSettings, toSealConfig } from './seals/seal-settings.ts';
import { toTransferPolicy, transferSettings } from './transfers/transfer-policy.ts';

/** The settings of the process, by the names of their environment variables. */
export const settings = Type.Object({
  ...commonSettings,
  PORT: Type.Integer({ default: 3003, minimum: 0, maximum: 65_535, description: 'Port to listen on' }),
  DATABASE_URL: Type.String({ minLength: 1, secret: true, description: 'Postgres, as the role transactions' }),
  DATABASE_POOL_SIZE: Type.Integer({
    default: 10,
    minimum: 1,
    description: 'Database connections at most, besides those of the posting engine',
  }),
  BUS_URL: Type.String({
    minLength: 1,
    secret: true,
    description: 'amqp:// RabbitMQ, or postgres:// embedded transport',
  }),
  BUS_NAMESPACE: Type.String({ default: 'florin', minLength: 1, description: 'Prefix of exchanges and queues' }),
  IDENTITY_URL: Type.String({ minLength: 1, description: 'Base URL of identity' }),
  NOTIFICATION_URL: Type.String({
    minLength: 1,
    pattern: '^https?://',
    description: 'Base URL of notification, which knows what was delivered by webhook',
  }),
  LEDGER_LANES: Type.Integer({
    default: 2,
    minimum: 1,
    maximum: 16,
    description: 'Connections of the posting engine; each has one batch under way',
  }),
  LEDGER_MAX_BATCH: Type.Integer({
    default: 256,
    minimum: 1,
    maximum: 4096,
    description: 'Commands committed together at most',
  }),
  LEDGER_MAX_QUEUE: Type.Integer({
    default: 10_000,
    minimum: 1,
    description: 'Commands that may wait; beyond it they are answered 503',
  }),
  LEDGER_DEADLINE_MS: Type.Integer({
    default: 4_000,
    minimum: 100,
    description: 'A command that has waited this long is answered 503 instead of run',
  }),
  LEDGER_CHECK_INTERVAL_MS: Type.Integer({
    default: 5_000,
    minimum: 100,
    description: 'How often the invariants of what was posted since are checked',
  }),
  ...sealSettings,
  ...conversionSettings,
  ...transferSettings,
  ...holdSettings,
  ...paymentSettings,
});

/** @throws {SettingsError} */
export function readEnv(env: NodeJS.ProcessEnv): Static<typeof settings> {
  return readSettings(settings, env);
}

/** The configuration as the code uses it. Durations are milliseconds. @throws {SettingsError} */
export function toConfig(env: Static<typeof settings>) {
  return {
    host: env.HOST,
    port: env.PORT,
    logLevel: env.LOG_LEVEL,
    shutdownGraceMs: env.SHUTDOWN_GRACE_MS,
    database: { url: env.DATABASE_URL, poolSize: env.DATABASE_POOL_SIZE },
    bus: { url: env.BUS_URL, namespace: env.BUS_NAMESPACE },
    identityUrl: env.IDENTITY_URL,
    notificationUrl: env.NOTIFICATION_URL,
    tokenIssuer: env.TOKEN_ISSUER,
    engine: {
      lanes: env.LEDGER_LANES,
      maxBatch: env.LEDGER_MAX_BATCH,
      maxQueue: env.LEDGER_MAX_QUEUE,
      deadlineMs: env.LEDGER_DEADLINE_MS,
    },
    checkIntervalMs: env.LEDGER_CHECK_INTERVAL_MS,
    seals: toSealConfig(env),
    fxSpreadBasisPoints: env.FX_SPREAD_BASIS_POINTS,
    transfers: toTransferPolicy(env),
    holdExpiresInSeconds: env.HOLD_EXPIRES_IN_SECONDS,
    payments: toPaymentConfig(env),
  };
}

export type Config = ReturnType<typeof toConfig>;
