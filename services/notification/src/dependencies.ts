import { join } from 'node:path';
import { remoteKeys } from '@florin/auth';
import { checkMigrations, createDatabase, createPool } from '@florin/database';
import { connectTransport, startSubscriptions } from '@florin/messaging';
import { createLogger } from '@florin/telemetry';
import { sql } from 'kysely';
import type { AppDependencies } from './app.ts';
import type { Config } from './config.ts';
import { startHousekeeping } from './housekeeping.ts';
import { subscriptionsOf } from './subscriptions/index.ts';
import type { Tables } from './tables.ts';
import { openWebhookService } from './webhook-deliveries/webhook-service.ts';

/** What the process holds open. */
export interface Dependencies extends AppDependencies {
  /** Ends background work first, then connections. */
  close(): Promise<void>;
}

/**
 * Opens everything the process needs and starts its background work. A broker or identity that is away does not matter here.
 *
 * @throws {MigrationError} when database and code don't fit
 */
export async function openDependencies(config: Config): Promise<Dependencies> {
  const logger = createLogger({ service: 'notification', level: config.logLevel });
  const { url, poolSize } = config.database;
  const db = createDatabase<Tables>(
    createPool({ url, schema: 'notification', applicationName: 'notification', max: poolSize }),
  );
  await checkMigrations(db, join(import.meta.dirname, '../migrations'));

  const transport = connectTransport({ ...config.bus, logger });
  const keys = remoteKeys({ url: new URL('/.well-known/jwks.json', config.identityUrl).href });
  const webhooks = await openWebhookService(db, config.webhooks, logger);
  const subscriptions = subscriptionsOf(webhooks.wake);
  const background = [
    startSubscriptions({ transport, db, subscriptions, logger }),
    startHousekeeping(db, config.retention, logger),
    webhooks,
  ];
  return {
    db,
    logger,
    keys,
    tokenIssuer: config.tokenIssuer,
    webhooks,
    readiness: { database: async () => void (await sql`select 1`.execute(db)) },
    async close() {
      await Promise.all(background.map((work) => work.close()));
      keys.close();
      await transport.close();
      await db.destroy();
    },
  };
}
