import { type Kysely, sql } from 'kysely';

/**
 * Leaves two indexes of five: a notification's id follows from its event, so the primary key itself refuses the second one.
 * Breaking, since older code names the constraint that goes; what it receives meanwhile comes again to newer code.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  // People read meanwhile; the rest takes moments.
  await sql`create unique index notifications_by_person on notifications (user_id, id)`.execute(db);
  await sql`create index notifications_not_read on notifications (user_id, id) where read_at is null`.execute(db);
  await sql`drop index notifications_created_at, notifications_of_user, notifications_unread`.execute(db);
  await sql`alter index notifications_not_read rename to notifications_unread`.execute(db);
  await sql`alter table notifications
    drop constraint notifications_once,
    drop constraint notifications_pkey,
    drop column event_id,
    add constraint notifications_pkey primary key using index notifications_by_person`.execute(db);
}
