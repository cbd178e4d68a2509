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
  WEBHOOK_SECRETS_KEY: Type.String({
    pattern: '^[A-Za-z0-9+/_-]{43,128}={0,2}$',
    secret: true,
    description:
      'Base64 of 32 or more random bytes, the same in every process: encrypts what webhooks are signed with. To change it: docs/runbooks/key-rotation.md',
  }),
  WEBHOOK_SECRETS_KEY_PREVIOUS: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9+/_-]{43,128}={0,2}$',
      secret: true,
      description: 'The key before, for the start that encrypts anew what is encrypted with it',
    }),
  ),
  WEBHOOK_PRIVATE_TARGETS: Type.Union([Type.Literal('refuse'), Type.Literal('allow')], {
    default: 'refuse',
    description:
      '`allow` sends webhooks to private addresses and over http too: for development and tests, never where customers are',
  }),
  WEBHOOK_DEADLINE_MS: Type.Integer({
    default: 10_000,
    minimum: 100,
    maximum: 15_000,
    description: 'How long a webhook waits for its answer',
  }),
  WEBHOOK_RETENTION_DAYS: Type.Integer({
    default: 30,
    minimum: 4,
    maximum: 3_650,
    description:
      'Days after which events for webhooks and their deliveries are deleted; until then they can be replayed',
  }),
});

/** @throws {SettingsError} */
export function readEnv(env: NodeJS.ProcessEnv): Static<typeof settings> {
  return readSettings(settings, env);
}

/** The configuration as the code uses it. Durations are milliseconds unless their name says otherwise. */
export function toConfig(env: Static<typeof settings>) {
  const previous = env.WEBHOOK_SECRETS_KEY_PREVIOUS;
  return {
    host: env.HOST,
    port: env.PORT,
    logLevel: env.LOG_LEVEL,
    shutdownGraceMs: env.SHUTDOWN_GRACE_MS,
    database: { url: env.DATABASE_URL, poolSize: env.DATABASE_POOL_SIZE },
    bus: { url: env.BUS_URL, namespace: env.BUS_NAMESPACE },
    identityUrl: env.IDENTITY_URL,
    tokenIssuer: env.TOKEN_ISSUER,
    retention: { notificationDays: env.NOTIFICATION_RETENTION_DAYS, webhookDays: env.WEBHOOK_RETENTION_DAYS },
    webhooks: {
      masterKey: Buffer.from(env.WEBHOOK_SECRETS_KEY, 'base64'),
      previousKey: previous === undefined ? undefined : Buffer.from(previous, 'base64'),
      privateTargets: env.WEBHOOK_PRIVATE_TARGETS,
      deadlineMs: env.WEBHOOK_DEADLINE_MS,
    },
  };
}

export type Config = ReturnType<typeof toConfig>;
