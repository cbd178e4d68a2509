import { commonSettings, readSettings, SettingsError } from '@florin/service';
import Type, { type Static } from 'typebox';
import { type AddressSet, parseAddresses } from './addresses.ts';
import type { LimitClass } from './routes.ts';
import { type UpstreamUrls, upstreamNames, upstreams } from './upstreams.ts';

const urls = (service: string, defaultUrl: string) =>
  Type.String({
    pattern: '^https?://[^\\s/,]+(?:,https?://[^\\s/,]+)*$',
    default: defaultUrl,
    description: `Where ${service} is; several instances separated by commas`,
  });
const addresses = (description: string) =>
  Type.Optional(Type.String({ pattern: '^[0-9A-Fa-f.:/]+(?:,[0-9A-Fa-f.:/]+)*$', description }));
const count = (description: string, defaultCount: number) =>
  Type.Integer({ minimum: 1, maximum: 1_000_000, default: defaultCount, description });

/** Every setting of the gateway; the settings table in the documentation is made from it. */
export const settings = Type.Object({
  ...commonSettings,
  NODE_ENV: Type.Optional(Type.String({ description: 'production refuses FLORIN_RATE_LIMITS=off' })),
  PORT: Type.Integer({ minimum: 0, maximum: 65_535, default: 8080, description: 'Port of the public API' }),
  METRICS_PORT: Type.Integer({
    minimum: 0,
    maximum: 65_535,
    default: 9464,
    description: 'Port of the metrics listener, which is not for the public',
  }),
  IDENTITY_URL: urls('identity', 'http://127.0.0.1:3001'),
  ACCOUNTS_URL: urls('accounts', 'http://127.0.0.1:3002'),
  TRANSACTIONS_URL: urls('transactions', 'http://127.0.0.1:3003'),
  NOTIFICATION_URL: urls('notification', 'http://127.0.0.1:3004'),
  SERVICE_CLIENT_SECRET: Type.String({
    minLength: 1,
    secret: true,
    description: "The gateway's secret at identity, to read the list of revoked sessions and to exchange API keys",
  }),
  BUS_URL: Type.Optional(
    Type.String({
      pattern: '^(?:amqps?|postgres(?:ql)?)://',
      secret: true,
      description: 'Event bus that announces revocations; without it the gateway asks identity every half second',
    }),
  ),
  BUS_NAMESPACE: Type.String({ default: 'florin', minLength: 1, description: 'Prefix of exchanges and queues' }),
  REDIS_URL: Type.Optional(
    Type.String({
      pattern: '^rediss?://',
      secret: true,
      description: 'Shares rate limits between gateways; without it each process counts for itself',
    }),
  ),
  TRUSTED_PROXIES: addresses('Addresses or networks, separated by commas, whose X-Forwarded-For is believed'),
  ALLOWED_ADDRESSES: addresses(
    'Addresses or networks, separated by commas, that may call at all; all where it is not set',
  ),
  DENIED_ADDRESSES: addresses('Addresses or networks, separated by commas, that may not call; wins over those allowed'),
  CORS_ORIGINS: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s/,]+(?:,https?://[^\\s/,]+)*$',
      description: 'Origins, separated by commas, whose pages may call the API; none where it is not set',
    }),
  ),
  UPSTREAM_CONNECTIONS: count(
    'Connections, and requests under way, per instance of a service; more are refused with 503',
    512,
  ),
  FLORIN_RATE_LIMITS: Type.Union([Type.Literal('on'), Type.Literal('off')], {
    default: 'on',
    description: 'off for load tests; refused when NODE_ENV is production',
  }),
  RATE_LIMIT_WINDOW_SECONDS: Type.Integer({
    minimum: 1,
    maximum: 3600,
    default: 60,
    description: 'Window in which the limits below count',
  }),
  RATE_LIMIT_PUBLIC_AUTH: count('Registrations, logins and refreshes per address and window', 300),
  RATE_LIMIT_WEBHOOK: count("Providers' webhooks per address and window", 6_000),
  RATE_LIMIT_READ: count('Reads per session (or address) and window', 1_200),
  RATE_LIMIT_WRITE: count('Writes per session (or address) and window', 600),
});

export type Settings = Static<typeof settings>;

/** How many requests of a class one caller has in a window. */
export interface LimitPolicy {
  readonly max: number;
  readonly windowSeconds: number;
}

/** What the gateway's parts are built from. Durations in ms unless the name says otherwise. */
export interface Config {
  readonly listen: { readonly host: string; readonly port: number; readonly metricsPort: number };
  readonly logLevel: Settings['LOG_LEVEL'];
  readonly shutdownGraceMs: number;
  readonly tokenIssuer: string;
  readonly serviceClientSecret: string;
  readonly upstreamUrls: UpstreamUrls;
  readonly upstreamConnections: number;
  readonly bus: { readonly url: string; readonly namespace: string } | undefined;
  readonly redisUrl: string | undefined;
  readonly trustedProxies: readonly string[];
  /** Undefined: all addresses. */
  readonly allowedAddresses: AddressSet | undefined;
  /** Wins over those allowed. */
  readonly deniedAddresses: AddressSet | undefined;
  /** Whose pages may call the API. */
  readonly corsOrigins: readonly string[];
  /** Undefined: no limits at all. */
  readonly limits: Readonly<Record<LimitClass, LimitPolicy>> | undefined;
}

/** Reads the environment. Throws SettingsError with one line that names the variable and what is allowed. */
export function readEnv(env: NodeJS.ProcessEnv): Settings {
  const values = readSettings(settings, env);
  if (values.NODE_ENV === 'production' && values.FLORIN_RATE_LIMITS === 'off') {
    throw new SettingsError('FLORIN_RATE_LIMITS must be on when NODE_ENV is production');
  }
  return values;
}

function addressesOf(values: Settings, name: 'ALLOWED_ADDRESSES' | 'DENIED_ADDRESSES'): AddressSet | undefined {
  try {
    return values[name] === undefined ? undefined : parseAddresses(values[name]);
  } catch {
    throw new SettingsError(`${name} must be addresses or networks, separated by commas`);
  }
}

function limitsOf(values: Settings): Config['limits'] {
  if (values.FLORIN_RATE_LIMITS === 'off') return undefined;
  const policy = (max: number): LimitPolicy => ({ max, windowSeconds: values.RATE_LIMIT_WINDOW_SECONDS });
  return {
    'public-auth': policy(values.RATE_LIMIT_PUBLIC_AUTH),
    webhook: policy(values.RATE_LIMIT_WEBHOOK),
    read: policy(values.RATE_LIMIT_READ),
    write: policy(values.RATE_LIMIT_WRITE),
  };
}

/** Throws SettingsError, as readEnv does, for addresses that are none. */
export function toConfig(values: Settings): Config {
  const urlsOf = upstreamNames.map((name) => [name, values[upstreams[name].setting].split(',')] as const);
  return {
    listen: { host: values.HOST, port: values.PORT, metricsPort: values.METRICS_PORT },
    logLevel: values.LOG_LEVEL,
    shutdownGraceMs: values.SHUTDOWN_GRACE_MS,
    tokenIssuer: values.TOKEN_ISSUER,
    serviceClientSecret: values.SERVICE_CLIENT_SECRET,
    // Its pattern has at least one URL.
    upstreamUrls: Object.fromEntries(urlsOf) as unknown as UpstreamUrls,
    upstreamConnections: values.UPSTREAM_CONNECTIONS,
    bus: values.BUS_URL === undefined ? undefined : { url: values.BUS_URL, namespace: values.BUS_NAMESPACE },
    redisUrl: values.REDIS_URL,
    trustedProxies: values.TRUSTED_PROXIES?.split(',') ?? [],
    allowedAddresses: addressesOf(values, 'ALLOWED_ADDRESSES'),
    deniedAddresses: addressesOf(values, 'DENIED_ADDRESSES'),
    corsOrigins: values.CORS_ORIGINS?.split(',') ?? [],
    limits: limitsOf(values),
  };
}
