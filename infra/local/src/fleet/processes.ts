/** What a row of the table may use to make a process's environment. */
export interface ProcessContext {
  /** Address of another process of the fleet. */
  url(process: string): string;
  /** Where events go: amqp:// or postgres://. */
  busUrl: string;
  redisUrl: string | undefined;
  smtpUrl: string;
  /** A secret of that name, made once and kept. */
  secret(name: string): string;
  /** The port of that setting. */
  port(variable: string): number;
  admin: { email: string; password: string };
}

/** One process of the fleet. */
export interface ProcessDefinition {
  name: string;
  /** Below the checkout. */
  folder: string;
  /** The setting that moves its port, and where it is otherwise. */
  port: { variable: string; default: number };
  /** Where /metrics is, if not on the port above. */
  metricsPort?: { variable: string; default: number };
  /** Its schema and role, for those that have one. */
  schema?: string;
  /** Everything it needs beyond HOST, PORT and DATABASE_URL. */
  environment(context: ProcessContext): Record<string, string | undefined>;
}

/** Clients of identity that may ask for service tokens. */
const serviceClients = ['accounts', 'transactions', 'notification', 'gateway'];

const clientSecret = (name: string) => `client.${name}`;

/** The processes of Florin. A new service is a row here. */
export const processes: readonly ProcessDefinition[] = [
  {
    name: 'identity',
    folder: 'services/identity',
    port: { variable: 'IDENTITY_PORT', default: 3001 },
    schema: 'identity',
    environment: ({ busUrl, secret, admin, smtpUrl, url }) => ({
      BUS_URL: busUrl,
      SMTP_URL: smtpUrl,
      PUBLIC_APP_URL: url('gateway'),
      // Browsers know passkeys on names only, not on addresses.
      WEBAUTHN_RP_ID: 'localhost',
      WEBAUTHN_ORIGINS: url('gateway').replace('127.0.0.1', 'localhost'),
      ACCOUNTS_URL: url('accounts'),
      TRANSACTIONS_URL: url('transactions'),
      NOTIFICATION_URL: url('notification'),
      FLORIN_ADMIN_EMAIL: admin.email,
      FLORIN_ADMIN_PASSWORD: admin.password,
      KEY_ENCRYPTION_KEY: secret('identity.keys'),
      SERVICE_CLIENTS: serviceClients.map((name) => `${name}:${secret(clientSecret(name))}`).join(','),
    }),
  },
  {
    name: 'accounts',
    folder: 'services/accounts',
    port: { variable: 'ACCOUNTS_PORT', default: 3002 },
    schema: 'accounts',
    environment: ({ busUrl, secret, url }) => ({
      BUS_URL: busUrl,
      IDENTITY_URL: url('identity'),
      LEDGER_URL: url('transactions'),
      SERVICE_CLIENT_SECRET: secret(clientSecret('accounts')),
    }),
  },
  {
    name: 'transactions',
    folder: 'services/transactions',
    port: { variable: 'TRANSACTIONS_PORT', default: 3003 },
    schema: 'transactions',
    environment: ({ busUrl, secret, url }) => ({
      BUS_URL: busUrl,
      IDENTITY_URL: url('identity'),
      NOTIFICATION_URL: url('notification'),
      SERVICE_CLIENT_SECRET: secret(clientSecret('transactions')),
      LEDGER_SEAL_KEY: secret('transactions.seals'),
      SANDBOX_PROVIDER_URL: url('sandbox-provider'),
      SANDBOX_PROVIDER_API_KEY: secret('sandbox-provider.api-key'),
      SANDBOX_PROVIDER_WEBHOOK_SECRET: secret('sandbox-provider.webhooks'),
    }),
  },
  {
    name: 'notification',
    folder: 'services/notification',
    port: { variable: 'NOTIFICATION_PORT', default: 3004 },
    schema: 'notification',
    environment: ({ busUrl, secret, url }) => ({
      BUS_URL: busUrl,
      IDENTITY_URL: url('identity'),
      SERVICE_CLIENT_SECRET: secret(clientSecret('notification')),
      WEBHOOK_SECRETS_KEY: secret('notification.webhooks'),
    }),
  },
  {
    name: 'sandbox-provider',
    folder: 'services/sandbox-provider',
    port: { variable: 'SANDBOX_PROVIDER_PORT', default: 3005 },
    schema: 'sandbox_provider',
    environment: ({ secret, url }) => ({
      API_KEY: secret('sandbox-provider.api-key'),
      WEBHOOK_SECRET: secret('sandbox-provider.webhooks'),
      // Through the public door, as a real provider would.
      WEBHOOK_URL: `${url('gateway')}/v1/webhooks/providers/sandbox`,
    }),
  },
  {
    name: 'gateway',
    folder: 'gateway',
    port: { variable: 'GATEWAY_PORT', default: 8080 },
    metricsPort: { variable: 'GATEWAY_METRICS_PORT', default: 9464 },
    environment: ({ busUrl, redisUrl, secret, url, port }) => ({
      BUS_URL: busUrl,
      REDIS_URL: redisUrl,
      METRICS_PORT: String(port('GATEWAY_METRICS_PORT')),
      IDENTITY_URL: url('identity'),
      ACCOUNTS_URL: url('accounts'),
      TRANSACTIONS_URL: url('transactions'),
      NOTIFICATION_URL: url('notification'),
      SERVICE_CLIENT_SECRET: secret(clientSecret('gateway')),
    }),
  },
];
