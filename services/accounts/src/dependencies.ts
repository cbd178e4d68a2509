import { join } from 'node:path';
import { remoteKeys, serviceTokens } from '@florin/auth';
import { checkMigrations, createDatabase, createPool } from '@florin/database';
import { connectTransport, startRelay, startSubscriptions } from '@florin/messaging';
import { createLogger } from '@florin/telemetry';
import { sql } from 'kysely';
import { checkNumberRange } from './account-numbers/account-number.ts';
import { startLedgerSweep } from './accounts/ledger-sweep.ts';
import type { AppDependencies } from './app.ts';
import type { Config } from './config.ts';
import { startInboxCleaning } from './inbox-cleaning.ts';
import { startKeyCleaning } from './key-cleaning.ts';
import { createLedgerClient } from './ledger/ledger-client.ts';
import { onHoldChanges } from './subscriptions/hold-changes.ts';
import { onLedgerAccountOpened } from './subscriptions/ledger-account-opened.ts';
import { onTransactionPosted } from './subscriptions/transaction-posted.ts';
import { onUserErased } from './subscriptions/user-erased.ts';
import type { Tables } from './tables.ts';

const sweepPollMs = 1_000;

/** What the process holds open. */
export interface Dependencies extends AppDependencies {
  /** Ends background work first, then connections. */
  close(): Promise<void>;
}

/**
 * Opens everything the process needs and starts its background work. A broker, identity or ledger that is away does not
 * matter here.
 *
 * @throws {NumberRangeError} when the settings make no account numbers
 * @throws {MigrationError} when database and code don't fit
 */
export async function openDependencies(config: Config): Promise<Dependencies> {
  checkNumberRange(config.numbers);
  const logger = createLogger({ service: 'accounts', level: config.logLevel });
  const { url, poolSize } = config.database;
  const db = createDatabase<Tables>(
    createPool({ url, schema: 'accounts', applicationName: 'accounts', max: poolSize }),
  );
  await checkMigrations(db, join(import.meta.dirname, '../migrations'));

  const { identityUrl } = config;
  const keys = remoteKeys({ url: new URL('/.well-known/jwks.json', identityUrl).href });
  const clientSecret = config.serviceClientSecret;
  const tokens = serviceTokens({ identityUrl, clientName: 'accounts', clientSecret, keys });
  const ledger = createLedgerClient({ url: config.ledgerUrl, tokens, logger });
  const transport = connectTransport({ ...config.bus, logger });
  const subscriptions = [onLedgerAccountOpened, onTransactionPosted, ...onHoldChanges, onUserErased];
  const background = [
    startRelay({ databaseUrl: url, schema: 'accounts', transport, logger }),
    startSubscriptions({ transport, db, subscriptions, logger }),
    startLedgerSweep({ db, ledger, logger }, { pollMs: sweepPollMs }),
    startInboxCleaning(db, logger),
    startKeyCleaning(db, logger),
  ];
  return {
    db,
    ledger,
    logger,
    keys,
    tokenIssuer: config.tokenIssuer,
    numbers: config.numbers,
    payees: config.payees,
    readiness: { database: async () => void (await sql`select 1`.execute(db)) },
    async close() {
      await Promise.all(background.map((work) => work.close()));
      ledger.close();
      keys.close();
      await transport.close();
      await db.destroy();
    },
  };
}
