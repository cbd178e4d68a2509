// A process that does nothing but deliver webhooks from the database of its first argument, for a test to kill.
import { createDatabase, createPool } from '@florin/database';
import { createLogger } from '@florin/telemetry';
import type { Tables } from '../tables.ts';
import { startWebhooks } from '../webhook-deliveries/deliver-webhooks.ts';
import { deriveWebhookKeys } from '../webhook-endpoints/endpoint-secrets.ts';
import { resolveBySystem } from '../webhook-targets/resolve-host.ts';

const pool = createPool({ url: process.argv[2] ?? '', schema: 'notification', applicationName: 'delivering' });
startWebhooks({
  ...{ db: createDatabase<Tables>(pool), keys: deriveWebhookKeys(Buffer.alloc(32, 7)), deadlineMs: 10_000 },
  ...{ privateTargets: 'allow', resolve: resolveBySystem },
  logger: createLogger({ service: 'delivering', level: 'warn' }),
});
