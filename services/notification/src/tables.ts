import type { InboxTable } from '@florin/database';
import type { ColumnType } from 'kysely';

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

/** The schema `notification`. */
export interface Tables {
  notifications: NotificationsTable;
  erased_users: ErasedUsersTable;
  inbox: InboxTable;
}
