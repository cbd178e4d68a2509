import { join } from 'node:path';
import { remoteKeys } from '@florin/auth';
import { checkMigrations, createDatabase, createPool } from '@florin/database';
import { connectTransport, startRelay, startSubscriptions } from '@florin/messaging';
import { createLogger } from '@florin/telemetry';
import { sql } from 'kysely';
import type { AppDependencies } from './app.ts';
import { startChecker } from './checker/start-checker.ts';
import type { Config } from './config.ts';
import { startQuoteCleaning } from './conversions/start-quote-cleaning.ts';
import { createDeliveryClient } from './deliveries/delivery-client.ts';
import { createPostingEngine } from './engine/posting-engine.ts';
import { startExpiringHolds } from './holds/expire-holds.ts';
import { startInboxCleaning } from './inbox-cleaning.ts';
import { startPayments } from './payments/start-payments.ts';
import { startSealing } from './seals/start-sealing.ts';
import { accountSubscriptions } from './subscriptions/account-changes.ts';
import { onUserErased } from './subscriptions/user-erased.ts';
import type { Tables } from './tables.ts';
import { ensureFeesAccounts } from './transfers/transfer-policy.ts';

const schema = 'transactions';
// Together they leave a command that meets a silent database time for a second try before the gateway's deadline.
const connectTimeoutMs = 1_000;
const queryTimeoutMs = 2_000;

/** What the process holds open. */
export interface Dependencies extends AppDependencies {
  /** Answers the commands still waiting, ends background work, then connections. */
  close(): Promise<void>;
}

/**
 * Opens everything the process needs and starts its background work. A broker, identity, notification or provider that is away does
 * not matter here.
 * @throws {MigrationError} when database and code don't fit
 */
export async function openDependencies(config: Config): Promise<Dependencies> {
  const logger = createLogger({ service: schema, level: config.logLevel });
  const { url, poolSize } = config.database;
  const pool = createPool({ url, schema, applicationName: schema, max: poolSize });
  const db = createDatabase<Tables>(pool);
  await checkMigrations(db, join(import.meta.dirname, '../migrations'));
  await ensureFeesAccounts(db, config.transfers);
  const engine = createPostingEngine({
    ...config.engine,
    database: { url, schema, applicationName: 'transactions-ledger', connectTimeoutMs, queryTimeoutMs },
    clock: () => new Date(),
    logger,
  });
  const payments = startPayments({ db, engine, logger }, config.payments);
  const transport = connectTransport({ ...config.bus, logger });
  const keys = remoteKeys({ url: new URL('/.well-known/jwks.json', config.identityUrl).href });
  const deliveries = createDeliveryClient({ url: config.notificationUrl, logger });
  const background = [
    payments,
    startRelay({ databaseUrl: url, schema, transport, logger }),
    startSubscriptions({ transport, db, subscriptions: [...accountSubscriptions, onUserErased], logger }),
    startChecker(db, { intervalMs: config.checkIntervalMs, logger }),
    startSealing(db, { ...config.seals, logger }),
    startExpiringHolds({ db, engine, logger }),
    startQuoteCleaning(db, logger),
    startInboxCleaning(db, logger),
  ];
  return {
    logger,
    db,
    engine,
    payments,
    deliveries,
    holdExpiresInSeconds: config.holdExpiresInSeconds,
    keys,
    tokenIssuer: config.tokenIssuer,
    policy: config.transfers,
    fxSpreadBasisPoints: config.fxSpreadBasisPoints,
    readiness: { database: async () => void (await sql`select 1`.execute(db)) },
    async close() {
      await Promise.all(background.map((work) => work.close()));
      await engine.close();
      deliveries.close();
      keys.close();
      await transport.close();
      await db.destroy();
    },
  };
}
