import { join } from 'node:path';
import { checkMigrations, createDatabase, createPool, type Database } from '@florin/database';
import type { WorkLoop } from '@florin/service';
import { createLogger } from '@florin/telemetry';
import { startCallbacks } from './callbacks/deliver-callbacks.ts';
import type { Config } from './config.ts';
import type { Tables } from './tables.ts';

/** What the app works with. close() breaks off the webhooks in flight, then ends the pool. */
export interface Dependencies {
  apiKey: string;
  db: Database<Tables>;
  callbacks: WorkLoop;
  logger: ReturnType<typeof createLogger>;
  close(): Promise<void>;
}

/** Opens the pool and starts sending the webhooks that are due. @throws {MigrationError} when database and code don't fit */
export async function openDependencies(config: Config): Promise<Dependencies> {
  const logger = createLogger({ service: 'sandbox-provider', level: config.logLevel });
  const pool = createPool({
    url: config.database.url,
    schema: 'sandbox_provider',
    applicationName: 'sandbox-provider',
    max: config.database.poolSize,
  });
  const db = createDatabase<Tables>(pool);
  await checkMigrations(db, join(import.meta.dirname, '../migrations'));
  const callbacks = startCallbacks(db, config.webhooks, logger);
  return {
    apiKey: config.apiKey,
    db,
    callbacks,
    logger,
    async close() {
      await callbacks.close();
      await db.destroy();
    },
  };
}
