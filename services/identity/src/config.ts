import { proofSettings } from '@florin/auth';
import { commonSettings, readSettings, SettingsError } from '@florin/service';
import Type, { type Static } from 'typebox';
import { passkeySettings, type RelyingParty, toRelyingParty } from './passkeys/relying-party.ts';
import type { DeskLimits } from './passwords/password-desk.ts';
import { normalisePassword, passwordFault } from './passwords/password-policy.ts';
import type { ServiceUrls, TokenRules } from './resources.ts';
import { longestTokenSeconds, type RotationRules } from './tokens/rotation-plan.ts';
import { hashSecret, type ServiceClients } from './tokens/service-clients.ts';
import { emailPattern, firstAdminName, normaliseEmail } from './users/user.ts';

/** Everything the process can be told. */
export const settings = Type.Object({
  PORT: Type.Integer({ default: 3001, minimum: 0, maximum: 65_535, description: 'Port to listen on' }),
  DATABASE_URL: Type.String({ minLength: 1, secret: true, description: 'Postgres, as the role identity' }),
  DATABASE_POOL_SIZE: Type.Integer({ default: 10, minimum: 1, maximum: 200, description: 'Connections at most' }),
  BUS_URL: Type.String({
    minLength: 1,
    secret: true,
    description: 'amqp:// or amqps:// for RabbitMQ, postgres:// for the embedded bus',
  }),
  BUS_NAMESPACE: Type.String({ default: 'florin', minLength: 1, description: 'Keeps fleets on one broker apart' }),
  KEY_ENCRYPTION_KEY: Type.String({
    pattern: '^[A-Za-z0-9+/_-]{43,128}={0,2}$',
    secret: true,
    description:
      'Base64 of 32 or more random bytes, the same in every process: encrypts the signing keys and makes refresh tokens. To change it: docs/runbooks/key-rotation.md; that ends all sessions',
  }),
  SERVICE_CLIENTS: Type.String({
    pattern: '^[a-z][a-z0-9-]{0,62}:[^\\s,:]{16,}(,[a-z][a-z0-9-]{0,62}:[^\\s,:]{16,})*$',
    secret: true,
    description:
      'Services that may ask for service tokens: name:secret, separated by commas, 16 characters or more each',
  }),
  FLORIN_ADMIN_EMAIL: Type.Optional(
    Type.String({
      maxLength: 254,
      pattern: emailPattern,
      description: 'Email of the first admin, made at the start unless known',
    }),
  ),
  FLORIN_ADMIN_PASSWORD: Type.Optional(
    Type.String({
      minLength: 8,
      maxLength: 256,
      secret: true,
      description: 'Password of the first admin; later changes of it here do nothing',
    }),
  ),
  ACCESS_TOKEN_SECONDS: Type.Integer({
    default: 600,
    minimum: 30,
    maximum: longestTokenSeconds,
    description: 'Life of an access token',
  }),
  SIGNING_KEY_DAYS: Type.Integer({
    default: 30,
    minimum: 0,
    maximum: 3650,
    description: 'How long one key signs tokens before the next one does; 0: until `npm run rotate-keys`',
  }),
  SIGNING_KEY_LEAD_SECONDS: Type.Integer({
    default: 3600,
    minimum: 5,
    maximum: 43_200,
    description:
      'How long a key is published before it signs. The fleet reads the keys every second; others that keep them need longer',
  }),
  SESSION_DAYS: Type.Integer({
    default: 30,
    minimum: 1,
    maximum: 365,
    description: 'Life of a session from its login, however often it is refreshed',
  }),
  ...proofSettings('How long after a login or step-up a session may do what needs a recent proof'),
  SMTP_URL: Type.Optional(
    Type.String({
      pattern: '^smtps?://[^\\s]+$',
      secret: true,
      description:
        'Relay that takes mails: smtp:// or smtps://, with user:password@ where needed. Without it mails wait',
    }),
  ),
  MAIL_FROM: Type.String({
    default: 'Florin <no-reply@florin.example>',
    maxLength: 320,
    pattern: `^([A-Za-z0-9][A-Za-z0-9 ._-]{0,63} <[^\\s<>@,;]+@[^\\s<>@,;]+>|[^\\s<>@,;]+@[^\\s<>@,;]+)$`,
    description: 'Sender of mails: an address, or a name with the address in < >',
  }),
  PUBLIC_APP_URL: Type.String({
    default: 'http://localhost:8080',
    pattern: '^https?://[^\\s?#]+$',
    description: 'Where links in mails lead',
  }),
  ...passkeySettings,
  ACCOUNTS_URL: Type.String({
    minLength: 1,
    pattern: '^https?://',
    description: 'Base URL of accounts, which is asked before somebody is erased',
  }),
  TRANSACTIONS_URL: Type.String({
    minLength: 1,
    pattern: '^https?://',
    description: 'Base URL of transactions, for exports of personal data',
  }),
  NOTIFICATION_URL: Type.String({
    minLength: 1,
    pattern: '^https?://',
    description: 'Base URL of notification, for exports of personal data',
  }),
  PASSWORD_HASH_CONCURRENCY: Type.Integer({
    default: 2,
    minimum: 1,
    maximum: 64,
    description:
      'Logins and the like under way at a time; how many of them hash at a time, PASSWORD_HASH_CPU_PERCENT says',
  }),
  PASSWORD_HASH_CPU_PERCENT: Type.Integer({
    default: 10,
    minimum: 5,
    maximum: 6_400,
    description:
      'What password hashing takes of one core for this process in the long run, in percent: a login costs about 25 ms of one, so 10 are up to 4 logins a second after a burst of 150. Up to 100 one password is hashed at a time, up to 200 two, each with 19 MiB',
  }),
  PASSWORD_HASH_QUEUE: Type.Integer({
    default: 128,
    minimum: 0,
    maximum: 10_000,
    description:
      'Logins and registrations that wait for that at most; more, and who has waited for 2.5 s, are answered 503',
  }),
  TRUSTED_PROXIES: Type.String({
    default: 'loopback,uniquelocal',
    pattern: '^([0-9A-Fa-f.:/]+|loopback|linklocal|uniquelocal)(,([0-9A-Fa-f.:/]+|loopback|linklocal|uniquelocal))*$',
    description:
      "Addresses or networks of the gateways, separated by commas: their X-Forwarded-For is the client's address in the audit log",
  }),
  LOCATION_DATABASE: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        "File that tells where addresses are, in MaxMind's format (mmdb, such as GeoLite2), for the list of sessions; read again within an hour of its change. Without it no places are shown",
    }),
  ),
  HOUSEKEEPING_SECONDS: Type.Integer({
    default: 600,
    minimum: 1,
    maximum: 86_400,
    description: 'Pause between deletions of what has expired',
  }),
  ...commonSettings,
});

/** The settings as they stand in the environment, checked. */
export type Settings = Static<typeof settings>;

/** What the process works with. Durations in milliseconds. */
export interface Config {
  host: string;
  port: number;
  logLevel: string;
  shutdownGraceMs: number;
  database: { url: string; poolSize: number };
  bus: { url: string; namespace: string };
  /** 32 bytes or more */
  masterKey: Buffer;
  serviceClients: ServiceClients;
  services: ServiceUrls;
  firstAdmin: { email: string; password: string } | undefined;
  tokens: TokenRules;
  relyingParty: RelyingParty;
  signingKeys: RotationRules;
  passwordHashing: DeskLimits;
  /** `appUrl` without a slash at the end. */
  mail: { smtpUrl: string | undefined; from: string; appUrl: string };
  housekeepingMs: number;
  /** A file. */
  locationDatabase: string | undefined;
  trustedProxies: readonly string[];
}

const serviceTokenMs = 300_000;
const dayMs = 86_400_000;
/** Well within the time that gateways give identity: a login that begins after it would be work for nobody. */
const loginPatienceMs = 2_500;

/** What the check of the audit log needs: DATABASE_URL alone. Throws SettingsError. */
export function readDatabaseUrl(): string {
  return readSettings(Type.Object({ DATABASE_URL: settings.properties.DATABASE_URL }), process.env).DATABASE_URL;
}

/** What a change of keys by command needs. */
export interface KeySettings {
  databaseUrl: string;
  masterKey: Buffer;
  leadMs: number;
  /** The master key that this one replaces. @throws SettingsError where it is not set */
  previousKey(): Buffer;
}

/** Reads what a change of keys by command needs. Throws SettingsError. */
export function readKeySettings(): KeySettings {
  const { DATABASE_URL, KEY_ENCRYPTION_KEY, SIGNING_KEY_LEAD_SECONDS } = settings.properties;
  const keySettings = Type.Object({
    DATABASE_URL,
    KEY_ENCRYPTION_KEY,
    SIGNING_KEY_LEAD_SECONDS,
    KEY_ENCRYPTION_KEY_PREVIOUS: Type.Optional(KEY_ENCRYPTION_KEY),
  });
  const env = readSettings(keySettings, process.env);
  return {
    databaseUrl: env.DATABASE_URL,
    masterKey: Buffer.from(env.KEY_ENCRYPTION_KEY, 'base64'),
    leadMs: env.SIGNING_KEY_LEAD_SECONDS * 1000,
    previousKey() {
      const previous = env.KEY_ENCRYPTION_KEY_PREVIOUS;
      if (previous === undefined) throw new SettingsError('KEY_ENCRYPTION_KEY_PREVIOUS is needed');
      return Buffer.from(previous, 'base64');
    },
  };
}

/** Reads the environment. Throws SettingsError, one line, when a setting is missing or wrong. */
export function readEnv(env: NodeJS.ProcessEnv): Settings {
  return readSettings(settings, env);
}

/** Groups the settings by what they are for. Throws SettingsError where two of them don't fit together. */
export function toConfig(env: Settings): Config {
  return {
    host: env.HOST,
    port: env.PORT,
    logLevel: env.LOG_LEVEL,
    shutdownGraceMs: env.SHUTDOWN_GRACE_MS,
    database: { url: env.DATABASE_URL, poolSize: env.DATABASE_POOL_SIZE },
    bus: { url: env.BUS_URL, namespace: env.BUS_NAMESPACE },
    masterKey: Buffer.from(env.KEY_ENCRYPTION_KEY, 'base64'),
    serviceClients: toServiceClients(env.SERVICE_CLIENTS),
    services: { accounts: env.ACCOUNTS_URL, transactions: env.TRANSACTIONS_URL, notification: env.NOTIFICATION_URL },
    firstAdmin: toFirstAdmin(env.FLORIN_ADMIN_EMAIL, env.FLORIN_ADMIN_PASSWORD),
    tokens: {
      issuer: env.TOKEN_ISSUER,
      accessTokenMs: env.ACCESS_TOKEN_SECONDS * 1000,
      serviceTokenMs,
      sessionMs: env.SESSION_DAYS * dayMs,
      stepUpSeconds: env.STEP_UP_SECONDS,
    },
    relyingParty: toRelyingParty(env),
    signingKeys: toRotationRules(env),
    passwordHashing: {
      concurrency: env.PASSWORD_HASH_CONCURRENCY,
      maxWaiting: env.PASSWORD_HASH_QUEUE,
      cpuPercent: env.PASSWORD_HASH_CPU_PERCENT,
      patienceMs: loginPatienceMs,
    },
    mail: { smtpUrl: env.SMTP_URL, from: env.MAIL_FROM, appUrl: env.PUBLIC_APP_URL.replace(/\/+$/, '') },
    housekeepingMs: env.HOUSEKEEPING_SECONDS * 1000,
    locationDatabase: env.LOCATION_DATABASE,
    trustedProxies: env.TRUSTED_PROXIES.split(','),
  };
}

function toRotationRules(env: Pick<Settings, 'SIGNING_KEY_DAYS' | 'SIGNING_KEY_LEAD_SECONDS'>): RotationRules {
  return {
    periodMs: env.SIGNING_KEY_DAYS === 0 ? undefined : env.SIGNING_KEY_DAYS * dayMs,
    leadMs: env.SIGNING_KEY_LEAD_SECONDS * 1000,
  };
}

function toServiceClients(text: string): ServiceClients {
  const clients = new Map<string, Buffer>();
  for (const pair of text.split(',')) {
    const [name = '', secret = ''] = pair.split(':');
    if (clients.has(name)) throw new SettingsError(`SERVICE_CLIENTS names ${name} twice`);
    clients.set(name, hashSecret(secret));
  }
  return clients;
}

function toFirstAdmin(email: string | undefined, password: string | undefined): Config['firstAdmin'] {
  if (email === undefined && password === undefined) return undefined;
  if (email === undefined || password === undefined) {
    throw new SettingsError('FLORIN_ADMIN_EMAIL and FLORIN_ADMIN_PASSWORD must be set together');
  }
  const fault = passwordFault(normalisePassword(password), { email: normaliseEmail(email), name: firstAdminName });
  if (fault !== undefined) throw new SettingsError(`FLORIN_ADMIN_PASSWORD ${fault}`);
  return { email, password };
}
