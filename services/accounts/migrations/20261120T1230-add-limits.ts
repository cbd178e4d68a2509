import { type Kysely, sql } from 'kysely';

const tables = ['accounts', 'status_changes'] as const;

/** Adds the limits of what an account may give, minor units; null is no limit. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const table of tables) {
    await sql`alter table ${sql.table(table)}
      add column limit_per_transaction bigint check (limit_per_transaction > 0),
      add column limit_daily bigint check (limit_daily > 0),
      add column limit_monthly bigint check (limit_monthly > 0)`.execute(db);
  }
}

/** For development only. */
export async function down(db: Kysely<unknown>): Promise<void> {
  for (const table of tables) {
    await sql`alter table ${sql.table(table)}
      drop column limit_per_transaction, drop column limit_daily, drop column limit_monthly`.execute(db);
  }
}
