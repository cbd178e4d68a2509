import { isAbsolute, join } from 'node:path';
import { processes } from './processes.ts';

/** What `npm start` can be told, all by environment. */
export interface LocalSettings {
  /** FLORIN_HOME: data, secrets and logs. */
  home: string;
  /** Ports by the name of their setting. */
  ports: Record<string, number>;
  databaseUrl: string | undefined;
  amqpUrl: string | undefined;
  redisUrl: string | undefined;
  smtpUrl: string | undefined;
  adminEmail: string;
  adminPassword: string | undefined;
  /** FLORIN_DEMO=off: no demo data. */
  demo: boolean;
  /** FLORIN_TEMPORARY=on, for tests: data need not survive a power cut, and the home is removed at the stop. */
  temporary: boolean;
}

/** A setting that cannot be used; the message is one line for the user. */
export class LocalSettingsError extends Error {
  override name = 'LocalSettingsError';
}

/** The ports of the fleet: the setting's name, its default and whose it is. */
export const portSettings: readonly { variable: string; default: number; owner: string }[] = [
  ...processes.map(({ name, port }) => ({ ...port, owner: name })),
  ...processes.flatMap(({ name, metricsPort }) => (metricsPort ? [{ ...metricsPort, owner: `${name} metrics` }] : [])),
  { variable: 'FLORIN_POSTGRES_PORT', default: 54_320, owner: 'Postgres' },
  { variable: 'FLORIN_MAIL_PORT', default: 3025, owner: 'mail' },
];

/** @throws LocalSettingsError */
export function readLocalSettings(environment: NodeJS.ProcessEnv, root: string): LocalSettings {
  const home = environment.FLORIN_HOME || '.florin';
  return {
    home: isAbsolute(home) ? home : join(root, home),
    ports: Object.fromEntries(
      portSettings.map(({ variable, default: usual }) => [variable, readPort(environment, variable, usual)]),
    ),
    databaseUrl: readUrl(environment, 'DATABASE_URL', ['postgres:', 'postgresql:']),
    amqpUrl: readUrl(environment, 'AMQP_URL', ['amqp:', 'amqps:']),
    redisUrl: readUrl(environment, 'REDIS_URL', ['redis:', 'rediss:']),
    smtpUrl: readUrl(environment, 'SMTP_URL', ['smtp:', 'smtps:']),
    adminEmail: environment.FLORIN_ADMIN_EMAIL || 'admin@florin.example',
    adminPassword: environment.FLORIN_ADMIN_PASSWORD || undefined,
    demo: readSwitch(environment, 'FLORIN_DEMO', 'on'),
    temporary: readSwitch(environment, 'FLORIN_TEMPORARY', 'off'),
  };
}

function readPort(environment: NodeJS.ProcessEnv, variable: string, usual: number): number {
  const text = environment[variable];
  if (!text) return usual;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) {
    throw new LocalSettingsError(`${variable} must be a port from 1 to 65535, not ${text}.`);
  }
  return port;
}

/** The value is not repeated in the message: it holds a password. */
function readUrl(environment: NodeJS.ProcessEnv, variable: string, protocols: string[]): string | undefined {
  const text = environment[variable];
  if (!text) return undefined;
  if (!URL.canParse(text) || !protocols.includes(new URL(text).protocol)) {
    throw new LocalSettingsError(`${variable} must be an address that begins with ${protocols[0]}//.`);
  }
  return text;
}

function readSwitch(environment: NodeJS.ProcessEnv, variable: string, usual: string): boolean {
  const text = environment[variable] || usual;
  if (text !== 'on' && text !== 'off') throw new LocalSettingsError(`${variable} must be on or off, not ${text}.`);
  return text === 'on';
}
