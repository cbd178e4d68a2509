import { join } from 'node:path';
import { checkMigrations, createDatabase, createPool, type Database } from '@florin/database';
import { connectTransport, startRelay } from '@florin/messaging';
import { createLogger } from '@florin/telemetry';
import { sql } from 'kysely';
import type { AppDependencies } from './app.ts';
import { chainAuditEntries } from './audit/chain-audit-entries.ts';
import type { Config } from './config.ts';
import { startErasureSweep } from './erasure/erasure-sweep.ts';
import { overloaded } from './errors.ts';
import { deleteExpired } from './housekeeping.ts';
import { startMailService } from './mail/mail-service.ts';
import { createAdaptiveHasher } from './passwords/adaptive-hasher.ts';
import { startHashProcess } from './passwords/hash-process.ts';
import { createPasswordDesk, hashesAtOnce } from './passwords/password-desk.ts';
import { hashHere, type PasswordHasher } from './passwords/password-hash.ts';
import { createLines } from './passwords/turns.ts';
import { repeat } from './repeat.ts';
import type { Resources } from './resources.ts';
import { deriveSecrets } from './secrets.ts';
import { openPlaces } from './sessions/places.ts';
import type { Tables } from './tables.ts';
import { startKeyCare } from './tokens/key-care.ts';
import { openKeyRing } from './tokens/key-ring.ts';
import { ensureSigningKey, readSigningKeys } from './tokens/signing-key-queries.ts';
import { createFirstAdmin } from './users/create-first-admin.ts';

/** With the second in which verifiers read the keys, the time after which a revoked key is of no use anywhere. */
const keyReloadMs = 500;
const auditChainMs = 1_000;
const waitingPerEmail = 256;
const locationReloadMs = 3_600_000;

/** What the process holds open. */
export interface Dependencies extends AppDependencies {
  /** Ends background work first, then connections. */
  close(): Promise<void>;
}

/**
 * Makes what the use cases work with, on a database that is there; makes the first signing key where there is none.
 * Without `hasher` passwords are hashed on threads of this process.
 */
export async function openResources(
  db: Database<Tables>,
  config: Pick<
    Config,
    'masterKey' | 'passwordHashing' | 'tokens' | 'relyingParty' | 'serviceClients' | 'services' | 'locationDatabase'
  >,
  hasher?: PasswordHasher,
): Promise<Resources> {
  const secrets = deriveSecrets(config.masterKey);
  await ensureSigningKey(db, secrets.signingKeys);
  return {
    db,
    secrets,
    keyRing: await openKeyRing(() => readSigningKeys(db), secrets.signingKeys),
    passwords: createPasswordDesk(config.passwordHashing, hasher),
    loginLines: createLines({ maxWaiting: waitingPerEmail, patienceMs: config.passwordHashing.patienceMs }, () =>
      overloaded('Too many sign-ins at the moment.'),
    ),
    rules: config.tokens,
    relyingParty: config.relyingParty,
    serviceClients: config.serviceClients,
    services: config.services,
    places: await openPlaces(config.locationDatabase),
  };
}

/**
 * Opens everything the process needs, makes the first admin, and starts the background work. A broker that is away does
 * not matter here.
 *
 * @throws {MigrationError} when database and code don't fit
 * @throws Error when KEY_ENCRYPTION_KEY does not open the signing keys, or LOCATION_DATABASE cannot be read
 */
export async function openDependencies(config: Config): Promise<Dependencies> {
  const logger = createLogger({ service: 'identity', level: config.logLevel });
  const { url, poolSize } = config.database;
  const pool = createPool({ url, schema: 'identity', applicationName: 'identity', max: poolSize });
  const db = createDatabase<Tables>(pool);
  await checkMigrations(db, join(import.meta.dirname, '../migrations'));
  const hashProcess = startHashProcess({ threads: hashesAtOnce(config.passwordHashing), logger });
  const hasher = createAdaptiveHasher({ idle: hashProcess, normal: hashHere });
  const resources = await openResources(db, config, hasher);
  if (config.firstAdmin !== undefined && (await createFirstAdmin(resources, config.firstAdmin))) {
    logger.info('first admin created');
  }
  const transport = connectTransport({ ...config.bus, logger });
  const onError = (error: unknown) => logger.error({ err: error }, 'background work failed');
  const background = [
    startRelay({ databaseUrl: url, schema: 'identity', transport, logger }),
    repeat(resources.keyRing.reload, keyReloadMs, onError),
    startKeyCare({ db, sealingKey: resources.secrets.signingKeys }, config.signingKeys, logger),
    repeat(() => deleteExpired(db), config.housekeepingMs, onError),
    startMailService(db, config.mail, logger),
    repeat(() => chainAuditEntries(db), auditChainMs, onError),
    startErasureSweep(resources, onError),
    repeat(resources.places.refresh, locationReloadMs, onError),
  ];
  return {
    ...resources,
    trustedProxies: config.trustedProxies,
    logger,
    readiness: { database: async () => void (await sql`select 1`.execute(db)) },
    async close() {
      await Promise.all([...background, hashProcess].map((work) => work.close()));
      await transport.close();
      await db.destroy();
    },
  };
}
