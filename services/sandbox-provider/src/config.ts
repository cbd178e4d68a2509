import { commonSettings, readSettings } from '@florin/service';
import Type, { type Static } from 'typebox';

/** Everything the process can be told. */
export const settings = Type.Object({
  PORT: Type.Integer({ default: 3005, minimum: 0, maximum: 65_535, description: 'Port to listen on' }),
  DATABASE_URL: Type.String({ minLength: 1, secret: true, description: 'Postgres, as the role sandbox_provider' }),
  DATABASE_POOL_SIZE: Type.Integer({ default: 10, minimum: 1, maximum: 200, description: 'Connections at most' }),
  API_KEY: Type.String({ minLength: 16, secret: true, description: 'What clients must send as X-Api-Key' }),
  WEBHOOK_SECRET: Type.String({
    pattern: '^(whsec_)?[A-Za-z0-9+/]{32,}={0,2}$',
    secret: true,
    description: 'Key that webhooks are signed with (Standard Webhooks): base64 of at least 24 bytes',
  }),
  WEBHOOK_URL: Type.String({ pattern: '^https?://', description: 'Where webhooks are sent' }),
  WEBHOOK_RETRY_BASE_MS: Type.Integer({
    default: 1_000,
    minimum: 10,
    maximum: 60_000,
    description: 'Pause before the first retry of a webhook; doubled each time',
  }),
  WEBHOOK_RETRY_MAX_MS: Type.Integer({
    default: 60_000,
    minimum: 10,
    maximum: 3_600_000,
    description: 'Longest pause between two attempts of a webhook',
  }),
  ...commonSettings,
});

/** The settings as they stand in the environment, checked. */
export type Settings = Static<typeof settings>;

/** What the process works with. */
export interface Config {
  host: string;
  port: number;
  logLevel: string;
  shutdownGraceMs: number;
  database: { url: string; poolSize: number };
  apiKey: string;
  webhooks: { url: string; secret: string; retry: { baseMs: number; maxMs: number } };
}

/** Reads the environment. Throws SettingsError, one line, when a setting is missing or wrong. */
export function readEnv(env: NodeJS.ProcessEnv): Settings {
  return readSettings(settings, env);
}

/** Groups the settings by what they are for. */
export function toConfig(env: Settings): Config {
  return {
    host: env.HOST,
    port: env.PORT,
    logLevel: env.LOG_LEVEL,
    shutdownGraceMs: env.SHUTDOWN_GRACE_MS,
    database: { url: env.DATABASE_URL, poolSize: env.DATABASE_POOL_SIZE },
    apiKey: env.API_KEY,
    webhooks: {
      url: env.WEBHOOK_URL,
      secret: env.WEBHOOK_SECRET,
      retry: { baseMs: env.WEBHOOK_RETRY_BASE_MS, maxMs: env.WEBHOOK_RETRY_MAX_MS },
    },
  };
}
