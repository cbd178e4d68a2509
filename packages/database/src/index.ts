export { bytesColumn, type Column, textColumn, timeColumn, uuidColumn } from './binary-array.ts';
export { compressText } from './compression.ts';
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
export { createInbox, type InboxTable, keyInboxByEvent, purgeInbox, takeFresh } from './inbox.ts';
export { createDatabase, type Database, type Transaction } from './kysely.ts';
export { checkMigrations, type MigrateOptions, MigrationError, migrate } from './migrate.ts';
export { migrateFromEnvironment } from './migrate-from-environment.ts';
export { type EventFacts, newEvent } from './new-event.ts';
export {
  appendEvents,
  createOutbox,
  notifySleepingRelay,
  type OutboxTable,
  packOutbox,
  relayAwakeLock,
} from './outbox.ts';
export {
  type EventOrigin,
  mostPacked,
  type PackedEvents,
  packEvents,
  unpackEvents,
  unpackedText,
} from './packed-events.ts';
export { planByKey, planningByKey } from './planning.ts';
export { createPool, type PoolOptions, typeParsers } from './pool.ts';
export { type PreparedStatement, planKeeper, prepare } from './prepared.ts';
export { type Provisioned, type ProvisionedService, type ProvisionOptions, provision } from './provision.ts';
export { type RowFields, rowArray } from './row-array.ts';
export { runSealed, type SealedCall } from './sealed-answers.ts';
export { seal, unseal } from './sealing.ts';
export { type SerializedEvent, serialize, serializedFrom } from './serialized-event.ts';
export { errorCode, inTransaction } from './transaction.ts';
