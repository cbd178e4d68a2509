import { createIdempotencyKeys } from '@florin/database';
import { type Kysely, sql } from 'kysely';

/**
 * Adds customers' webhooks: where they want to be told, with which secrets, what of, and each attempt at it. An event is kept
 * only for owners who have an endpoint. Whoever delivers takes turns with endpoints, not with deliveries: the service's README.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await createIdempotencyKeys(db);
  await createEndpoints(db);
  await sql`create table webhook_events (
    id uuid not null,
    owner_id uuid not null,
    type text not null,
    transaction_id uuid,
    occurred_at timestamptz(3) not null,
    body text not null,
    primary key (id, owner_id)
  )`.execute(db);
  await sql`create index webhook_events_of_owner on webhook_events (owner_id, occurred_at, id)`.execute(db);
  await sql`create index webhook_events_of_transaction on webhook_events (transaction_id)
    where transaction_id is not null`.execute(db);
  await createDeliveries(db);
}

async function createEndpoints(db: Kysely<unknown>): Promise<void> {
  await sql`create table webhook_endpoints (
    id uuid primary key,
    owner_id uuid not null,
    url text not null,
    events text[] not null,
    description text,
    status text not null check (status in ('enabled', 'disabled')),
    disabled_for text check (disabled_for in ('owner', 'failing', 'gone')),
    created_at timestamptz(3) not null,
    due_at timestamptz(3),
    leased_until timestamptz(3),
    failures integer not null default 0,
    failing_since timestamptz(3),
    resting_until timestamptz(3),
    called boolean not null default false,
    check ((status = 'disabled') = (disabled_for is not null))
  )`.execute(db);
  await sql`create index webhook_endpoints_of_owner on webhook_endpoints (owner_id, id)`.execute(db);
  await sql`create index webhook_endpoints_due on webhook_endpoints ((coalesce(leased_until, due_at)))
    where status = 'enabled'`.execute(db);
  await sql`create table webhook_secrets (
    endpoint_id uuid not null references webhook_endpoints (id) on delete cascade,
    id uuid not null,
    sealed bytea not null,
    expires_at timestamptz(3),
    primary key (endpoint_id, id)
  )`.execute(db);
}

async function createDeliveries(db: Kysely<unknown>): Promise<void> {
  await sql`create table webhook_deliveries (
    id uuid primary key,
    endpoint_id uuid not null references webhook_endpoints (id) on delete cascade,
    event_id uuid not null,
    owner_id uuid not null,
    status text not null check (status in ('pending', 'succeeded', 'failed')),
    attempts integer not null default 0,
    tries integer not null default 0,
    first_failed_at timestamptz(3),
    next_attempt_at timestamptz(3),
    last_status smallint,
    last_attempt_at timestamptz(3),
    created_at timestamptz(3) not null,
    unique (event_id, endpoint_id),
    foreign key (event_id, owner_id) references webhook_events (id, owner_id) on delete cascade,
    check ((status = 'pending') = (next_attempt_at is not null))
  )`.execute(db);
  await sql`create index webhook_deliveries_of_endpoint on webhook_deliveries (endpoint_id, id)`.execute(db);
  await sql`create index webhook_deliveries_due on webhook_deliveries (endpoint_id, next_attempt_at, id)
    where status = 'pending'`.execute(db);
  await sql`create table webhook_attempts (
    delivery_id uuid not null references webhook_deliveries (id) on delete cascade,
    number integer not null,
    at timestamptz(3) not null,
    status smallint,
    error text,
    latency_ms integer not null,
    answer text,
    primary key (delivery_id, number),
    check ((status is null) = (error is not null))
  )`.execute(db);
}

/** For development only. */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table webhook_attempts, webhook_deliveries, webhook_events, webhook_secrets, webhook_endpoints,
    idempotency_keys`.execute(db);
}
