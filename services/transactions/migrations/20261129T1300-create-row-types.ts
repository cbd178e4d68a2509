import { type Kysely, sql } from 'kysely';

/**
 * The rows of a batch as the posting engine sends them: one array a table. They are types of their own so that a column added
 * to a table changes nothing for processes from before; a type that has to change gets a successor with another name.
 */
const types = [
  sql`create type account_change as (
    row_place text, id uuid, posted bigint, version bigint, last_entry_at timestamptz, held bigint, held_version bigint
  )`,
  sql`create type new_transaction as (
    id uuid, type text, amount bigint, currency text, debit_account_id uuid, credit_account_id uuid, description text,
    metadata jsonb, reversal_of uuid, hold_id uuid, initiated_by text, trace_id text, created_at timestamptz,
    posted_at timestamptz, effective_at timestamptz
  )`,
  sql`create type new_entry as (
    account_id uuid, version bigint, transaction_id uuid, amount bigint, balance_after bigint, currency text,
    created_at timestamptz
  )`,
  sql`create type new_answer as (caller text, key text, fingerprint bytea, status smallint, body text)`,
  sql`create type payment_change as (
    id uuid, status text, provider_reference text, failure_code text, failure_message text, updated_at timestamptz
  )`,
  sql`create type new_event as (event json, size smallint, type text, packed text, recorded json)`,
  sql`create type new_hold as (
    id uuid, purpose text, account_id uuid, to_account_id uuid, amount bigint, captured_amount bigint, currency text,
    status text, description text, initiated_by text, trace_id text, expires_at timestamptz, created_at timestamptz,
    updated_at timestamptz
  )`,
  sql`create type hold_change as (id uuid, status text, captured_amount bigint, updated_at timestamptz)`,
  sql`create type limit_use as (account_id uuid, period text, used bigint)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const type of types) await type.execute(db);
}

/** For development only. */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop type account_change, new_transaction, new_entry, new_answer, payment_change, new_event, new_hold,
    hold_change, limit_use`.execute(db);
}
