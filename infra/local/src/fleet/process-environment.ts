import type { LocalSettings } from './local-settings.ts';
import { roleUrl } from './prepare-database.ts';
import { type ProcessDefinition, processes } from './processes.ts';
import type { FleetServers } from './servers.ts';

/** What the environments of all processes are made from. */
export interface FleetFacts {
  settings: LocalSettings;
  servers: Pick<FleetServers, 'amqpUrl' | 'redisUrl' | 'smtpUrl'>;
  /** A superuser's address in the fleet's database. */
  adminUrl: string;
  admin: { email: string; password: string };
  /** The environment of the supervisor: settings such as LOG_LEVEL and OTEL_* go on to every process. */
  inherited: NodeJS.ProcessEnv;
  secret(name: string): string;
}

// Ours, not the processes': what they get of these the table says.
const withheld = [
  ...['DATABASE_URL', 'AMQP_URL', 'REDIS_URL', 'SMTP_URL', 'BUS_URL'],
  ...['PORT', 'HOST', 'FLORIN_ADMIN_PASSWORD'],
];

/** Where a process of the fleet listens. */
export function processUrl(settings: LocalSettings, name: string): string {
  const definition = processes.find((candidate) => candidate.name === name);
  if (definition === undefined) throw new Error(`There is no process called ${name}.`);
  return `http://127.0.0.1:${settings.ports[definition.port.variable]}`;
}

/** The whole environment of one process. */
export function processEnvironment(definition: ProcessDefinition, facts: FleetFacts): NodeJS.ProcessEnv {
  const { settings, servers, adminUrl, secret, admin } = facts;
  const { schema, port } = definition;
  const inherited = Object.entries(facts.inherited).filter(([variable]) => !withheld.includes(variable));
  const own = definition.environment({
    url: (name) => processUrl(settings, name),
    busUrl: servers.amqpUrl ?? roleUrl({ adminUrl, secret }, 'bus'),
    redisUrl: servers.redisUrl ?? undefined,
    smtpUrl: servers.smtpUrl,
    port: (variable) => settings.ports[variable] ?? 0,
    secret,
    admin,
  });
  return {
    ...Object.fromEntries(inherited),
    HOST: '127.0.0.1',
    PORT: String(settings.ports[port.variable]),
    ...(schema === undefined ? {} : { DATABASE_URL: roleUrl({ adminUrl, secret }, schema) }),
    ...own,
  };
}
