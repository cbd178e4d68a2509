import type { Transaction } from '@florin/database';
import { formatId } from '@florin/service';
import { type RawBuilder, sql } from 'kysely';
import type { Tables } from '../tables.ts';

const rowsPerStatement = 5_000;

const accountsOf = (user: string) => sql`select id from ledger_accounts where owner_id = ${user}`;

/** Empties the texts on holds of the user's accounts that have ended. */
export async function forgetHoldTexts(tx: Transaction<Tables>, user: string): Promise<void> {
  await inParts(
    tx,
    sql`update holds set description = null where id in (
      select id from holds where account_id in (${accountsOf(user)}) and status <> 'active' and description is not null
      limit ${rowsPerStatement})`,
  );
}

/** Empties the texts on the user's deposits and withdrawals; one that is posted later has none either. */
export async function forgetPaymentTexts(tx: Transaction<Tables>, user: string): Promise<void> {
  await inParts(
    tx,
    sql`update payments set description = null, metadata = '{}' where id in (
      select id from payments where account_id in (${accountsOf(user)}) and owner_id = ${user}
        and (description is not null or metadata <> '{}')
      limit ${rowsPerStatement})`,
  );
}

/** Deletes the answers kept for the user's retries: nobody can ask for them again. */
export async function forgetKeptAnswers(tx: Transaction<Tables>, user: string): Promise<void> {
  const caller = formatId('usr', user);
  await inParts(
    tx,
    sql`delete from idempotency_keys where caller = ${caller} and key in (
      select key from idempotency_keys where caller = ${caller} limit ${rowsPerStatement})`,
  );
}

/** Repeats a statement until it finds less than it could have: each stays far from the time that one may take. */
async function inParts(tx: Transaction<Tables>, statement: RawBuilder<unknown>): Promise<void> {
  for (;;) {
    const { numAffectedRows = 0n } = await statement.execute(tx);
    if (numAffectedRows < BigInt(rowsPerStatement)) return;
  }
}
