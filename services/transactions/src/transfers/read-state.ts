import type { Database } from '@florin/database';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { sql } from 'kysely';
import { limitsFrom } from '../engine/batch-reads.ts';
import type { LimitColumns, UseRow } from '../engine/batch-statements.ts';
import type { LedgerState } from '../engine/command.ts';
import { periodsAround } from '../engine/limits.ts';
import { type LockedAccount, WorkingLedger } from '../engine/working-ledger.ts';
import type { Tables } from '../tables.ts';

/**
 * The ledger as it stands now, for a decision of which nothing is written: nothing is locked, so it may have moved on
 * before the answer is read. `limitsOf`: those of the accounts whose limits the rule looks at.
 */
export async function readState(
  db: Database<Tables>,
  accounts: readonly string[],
  limitsOf: readonly string[],
): Promise<LedgerState> {
  const now = new Date();
  const found = await sql<LockedAccount & LimitColumns>`
    select id, owner_id as "ownerId", name, account_number as "accountNumber", currency, status, posted, held,
      held_version as "heldVersion", version, floor, last_entry_at as "lastEntryAt",
      limit_per_transaction as "perTransaction", limit_daily as daily, limit_monthly as monthly
    from ledger_accounts where id = any (${[...accounts]}::uuid[])`.execute(db);
  const uses = await sql<UseRow>`
    select account_id as "accountId", period, used from limit_uses
    where account_id = any (${[...limitsOf]}::uuid[]) and period = any (${periodsAround(now)}::text[])`.execute(db);
  const limits = limitsFrom(found.rows, limitsOf, uses.rows);
  const ledger = new WorkingLedger(found.rows, [], () => now, { limits });
  return ledger.stateFor({ id: '', kind: 'read', accounts, limitsOf, context: ROOT_CONTEXT, decide: unused });
}

function unused(): never {
  throw new Error('Nothing is decided by the engine here');
}
