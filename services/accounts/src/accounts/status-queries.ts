import type { Database, Transaction } from '@florin/database';
import { sql } from 'kysely';
import type { Tables } from '../tables.ts';
import type { Account, AccountStatus } from './account.ts';
import { toAccount } from './account-row.ts';

type Connection = Database<Tables> | Transaction<Tables>;

/** Who changed a status and why, for the record. */
export interface ChangeCause {
  actor: string | null;
  reason: string | null;
}

/** Seconds until the sweep repeats what a request has just begun to tell the ledger. Longer than any such request. */
const sweepAfterSeconds = 5;
/** Seconds until the sweep tries an account again. */
const sweepAgainSeconds = 15;

const inSeconds = (seconds: number) => sql<Date>`now() + make_interval(secs => ${seconds})`;

/** When the sweep is to tell the ledger of a change that is being told now. */
export const ledgerDueSoon = () => inSeconds(sweepAfterSeconds);

/** The account, locked until the transaction ends, so that status changes are decided one after the other. */
export async function lockAccount(tx: Transaction<Tables>, id: string): Promise<Account | undefined> {
  const row = await tx.selectFrom('accounts').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
  return row && toAccount(row);
}

/**
 * Gives a locked account its next status and version, with the limits it now has, and leaves it for the sweep in case
 * the ledger is not told now.
 */
export async function changeStatus(
  tx: Transaction<Tables>,
  account: Account,
  status: AccountStatus,
  cause: ChangeCause,
): Promise<Account> {
  const changed = { ...account, status, version: account.version + 1 };
  await tx
    .updateTable('accounts')
    .set({ status, version: changed.version, ...limitColumns(changed), ledger_due_at: ledgerDueSoon() })
    .where('id', '=', account.id)
    .execute();
  await recordChange(tx, changed, cause, new Date());
  return changed;
}

/** Records a version of an account: what it is, who made it so and why. */
export async function recordChange(
  tx: Transaction<Tables>,
  account: Account,
  cause: ChangeCause,
  at: Date,
): Promise<void> {
  await tx
    .insertInto('status_changes')
    .values({
      account_id: account.id,
      version: account.version,
      status: account.status,
      ...limitColumns(account),
      ...cause,
      changed_at: at,
    })
    .execute();
}

function limitColumns({ limits: { perTransaction, daily, monthly } }: Account) {
  return { limit_per_transaction: perTransaction, limit_daily: daily, limit_monthly: monthly };
}

/**
 * Notes that the ledger has this version of the account, and gives it the status that follows from that.
 * Does nothing and returns false when the account has moved on since.
 */
export async function confirmVersion(
  db: Connection,
  account: Account,
  status: AccountStatus = account.status,
): Promise<boolean> {
  const result = await db
    .updateTable('accounts')
    .set({ status, ledger_due_at: null })
    .where('id', '=', account.id)
    .where('version', '=', account.version)
    .where('status', '=', account.status)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Makes those of the accounts active that were waiting for the ledger. */
export async function activatePending(db: Connection, ids: readonly string[]): Promise<void> {
  // In id order: several processes may read the same events, and must not lock the rows crosswise.
  await sql`with waiting as (
      select id from accounts where id = any(${[...ids]}::uuid[]) and status = 'pending' order by id for update
    )
    update accounts set status = 'active', ledger_due_at = null from waiting where accounts.id = waiting.id`.execute(
    db,
  );
}

/** Takes accounts the ledger must be told of again; each goes to one caller and comes back later unless confirmed. */
export async function claimLedgerDue(db: Connection, limit: number): Promise<Account[]> {
  const rows = await db
    .updateTable('accounts')
    .set({ ledger_due_at: inSeconds(sweepAgainSeconds) })
    .where('id', 'in', (due) =>
      due
        .selectFrom('accounts')
        .select('id')
        .where('ledger_due_at', '<=', sql<Date>`now()`)
        .orderBy('ledger_due_at')
        .limit(limit)
        .forUpdate()
        .skipLocked(),
    )
    .returningAll()
    .execute();
  return rows.map(toAccount);
}
