import type { IdempotencyKeysTable, InboxTable } from '@florin/database';
import type { ColumnType, Generated } from 'kysely';

/** What a person was told. Ids are UUIDs; `id` sorts by time, and follows from the event and the person. */
export interface NotificationsTable {
  user_id: string;
  id: string;
  topic: string;
  title: string;
  body: string;
  data: ColumnType<Record<string, unknown>, string, never>;
  created_at: Date;
  read_at: Date | null;
}

/** People whose data is gone; only their ids are known. */
export interface ErasedUsersTable {
  user_id: string;
  erased_at: Date;
}

/** Where a customer wants to be told, and when it is that endpoint's turn. */
export interface WebhookEndpointsTable {
  id: string;
  owner_id: string;
  url: string;
  /** Types, or `*` alone. */
  events: string[];
  description: string | null;
  status: 'enabled' | 'disabled';
  /** Who or what disabled it. */
  disabled_for: 'owner' | 'failing' | 'gone' | null;
  created_at: Date;
  /** When something is to be sent there next; null: nothing waits. */
  due_at: Date | null;
  /** Somebody sends there now; good until then, when he must have died. */
  leased_until: Date | null;
  /** Turns without a success since the last one with. */
  failures: Generated<number>;
  /** The first failed attempt since the last success. */
  failing_since: Date | null;
  /** After failures nothing new is sent before. */
  resting_until: Date | null;
  /** Somebody wants something sent now, since the turn began: no rest after it. */
  called: Generated<boolean>;
}

/** What an endpoint's webhooks are signed with. */
export interface WebhookSecretsTable {
  endpoint_id: string;
  /** UUIDv7: the newest is the current one. */
  id: string;
  /** Encrypted; see `endpoint-secrets.ts`. */
  sealed: Buffer;
  /** Of a secret that was rotated; null for the current one. */
  expires_at: Date | null;
}

/** What one person's endpoints are told: the exact bytes. Both sides of a transfer have one with the same id. */
export interface WebhookEventsTable {
  id: string;
  owner_id: string;
  type: string;
  transaction_id: string | null;
  occurred_at: Date;
  body: string;
}

/** An event on its way to an endpoint. A replay opens it again, with `tries` and `first_failed_at` from the start. */
export interface WebhookDeliveriesTable {
  id: string;
  endpoint_id: string;
  event_id: string;
  owner_id: string;
  status: 'pending' | 'succeeded' | 'failed';
  /** All of them, replays included. */
  attempts: Generated<number>;
  tries: Generated<number>;
  first_failed_at: Date | null;
  /** While it is pending. */
  next_attempt_at: Date | null;
  last_status: number | null;
  last_attempt_at: Date | null;
  created_at: Date;
}

/** One request that was made, or refused before it was. */
export interface WebhookAttemptsTable {
  delivery_id: string;
  number: number;
  at: Date;
  /** Null where there was no answer: `error` then says why. */
  status: number | null;
  error: string | null;
  latency_ms: number;
  /** The first 1 KiB. */
  answer: string | null;
}

/** The schema `notification`. */
export interface Tables {
  notifications: NotificationsTable;
  erased_users: ErasedUsersTable;
  inbox: InboxTable;
  idempotency_keys: IdempotencyKeysTable;
  webhook_endpoints: WebhookEndpointsTable;
  webhook_secrets: WebhookSecretsTable;
  webhook_events: WebhookEventsTable;
  webhook_deliveries: WebhookDeliveriesTable;
  webhook_attempts: WebhookAttemptsTable;
}
