import { busSettings, commonSettings, databaseSettings, readSettings } from '@florin/service';
import Type, { type Static } from 'typebox';

/** The settings of the process, by the names of their environment variables. */
export const settings = Type.Object({
  ...commonSettings,
  ...databaseSettings('notification'),
  ...busSettings,
  PORT: Type.Integer({ default: 3004, minimum: 0, maximum: 65_535, description: 'Port to listen on' }),
  IDENTITY_URL: Type.String({ minLength: 1, description: 'Base URL of identity' }),
  NOTIFICATION_RETENTION_DAYS: Type.Integer({
    default: 730,
    minimum: 1,
    maximum: 36_500,
    description: 'Days after which a notification is deleted',
  }),
});

/** @throws {SettingsError} */
export function readEnv(env: NodeJS.ProcessEnv): Static<typeof settings> {
  return readSettings(settings, env);
}

/** The configuration as the code uses it. Durations are milliseconds unless their name says otherwise. */
export function toConfig(env: Static<typeof settings>) {
  return {
    host: env.HOST,
    port: env.PORT,
    logLevel: env.LOG_LEVEL,
    shutdownGraceMs: env.SHUTDOWN_GRACE_MS,
    database: { url: env.DATABASE_URL, poolSize: env.DATABASE_POOL_SIZE },
    bus: { url: env.BUS_URL, namespace: env.BUS_NAMESPACE },
    identityUrl: env.IDENTITY_URL,
    tokenIssuer: env.TOKEN_ISSUER,
    retentionDays: env.NOTIFICATION_RETENTION_DAYS,
  };
}

export type Config = ReturnType<typeof toConfig>;
