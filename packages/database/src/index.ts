export {
  createIdempotencyKeys,
  type IdempotencyKeysTable,
  type IdempotentAnswer,
  type IdempotentCall,
  type IdempotentReply,
  purgeIdempotencyKeys,
  runIdempotently,
  sendIdempotent,
  type WorkAnswer,
} from './idempotency.ts';
export { createInbox, type InboxTable, purgeInbox, takeFresh } from './inbox.ts';
export { createDatabase, type Database, type Transaction } from './kysely.ts';
export { checkMigrations, type MigrateOptions, MigrationError, migrate } from './migrate.ts';
export { migrateFromEnvironment } from './migrate-from-environment.ts';
export { activeTraceparent, type EventFacts, newEvent } from './new-event.ts';
export { appendEvents, createOutbox, notifySleepingRelay, type OutboxTable, relayAwakeLock } from './outbox.ts';
export { createPool, type PoolOptions, typeParsers } from './pool.ts';
export { type PreparedStatement, prepare } from './prepared.ts';
export { type Provisioned, type ProvisionedService, type ProvisionOptions, provision } from './provision.ts';
export { errorCode, inTransaction } from './transaction.ts';
