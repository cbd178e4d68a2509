import type { CloudEvent } from '@florin/contracts';
import { type Generated, type Kysely, sql } from 'kysely';
import type { EventOrigin } from './packed-events.ts';

/**
 * The outbox of a service as a Kysely table. `position` is the order of publishing. A row holds one event, or several of one
 * type, packed: see packed-events.ts.
 * Raw SQL may write it too: `insert into outbox (event) select unnest($1::json[])`.
 */
export interface OutboxTable {
  position: Generated<bigint>;
  /** Null in a row of packed events, and only there. */
  event: unknown;
  /** How many events the row holds. */
  size: Generated<number>;
  type: Generated<string | null>;
  packed: Generated<string | null>;
  recorded: Generated<readonly EventOrigin[] | null>;
}

/**
 * Name of the advisory lock, with the schema's, that a relay holds while it looks at the outbox by itself many times a
 * second. Nobody needs to wake it then.
 */
export const relayAwakeLock = 'florin relay awake';

/**
 * Creates the table `outbox` in the schema that comes first in the search_path; call it from a migration.
 * Each statement that inserts wakes a sleeping relay with NOTIFY `<schema>_outbox`, which is sent at commit.
 */
export async function createOutbox<Tables>(db: Kysely<Tables>): Promise<void> {
  await sql`create table outbox (
    position bigint generated always as identity primary key,
    event json not null
  )`.execute(db);
  await notifySleepingRelay(db);
  await sql`create trigger outbox_notify after insert on outbox
    for each statement execute function notify_outbox()`.execute(db);
}

/**
 * Lets inserts into the outbox notify only while the relay sleeps; call it from a migration. Transactions that notify
 * commit one after the other in the whole database, each waiting for the disk alone.
 */
export async function notifySleepingRelay<Tables>(db: Kysely<Tables>): Promise<void> {
  await sql`create or replace function notify_outbox() returns trigger language plpgsql as $$
    begin
      if pg_try_advisory_xact_lock_shared(hashtext('${sql.raw(relayAwakeLock)}'), hashtext(tg_table_schema)) then
        perform pg_notify(tg_table_schema || '_outbox', '');
      end if;
      return null;
    end
  $$`.execute(db);
}

/**
 * Lets a row of the outbox hold packed events; call it from a migration. They are compressed already, so the server need not
 * try.
 */
export async function packOutbox<Tables>(db: Kysely<Tables>): Promise<void> {
  await sql`alter table outbox
    alter column event drop not null,
    add column size smallint not null default 1,
    add column type text,
    add column packed text,
    add column recorded json,
    alter column packed set storage external`.execute(db);
}

/** Puts events into the outbox in the given order, in one statement. Give the transaction that makes the change they tell of. */
export async function appendEvents<Tables>(db: Kysely<Tables>, events: readonly CloudEvent[]): Promise<void> {
  if (events.length === 0) return;
  const texts = events.map((event) => JSON.stringify(event));
  await sql`insert into outbox (event) select event from unnest(${texts}::json[]) with ordinality as new (event, place)
    order by place`.execute(db);
}
