import { ledgerAccountOpened } from '@florin/contracts';
import { appendEvents, newEvent, type Transaction } from '@florin/database';
import { problem } from '@florin/service';
import type { LedgerAccountStatus } from '../engine/command.ts';
import { countUses } from '../limits/count-uses.ts';
import { isLimited, type Limits, limitColumns, limitValues } from '../limits/limits.ts';
import type { Tables } from '../tables.ts';
import { accountName } from './public-id.ts';

/** A customer's account as the service accounts knows it. Ids are uuids. */
export interface AccountChange {
  readonly id: string;
  readonly ownerId: string;
  readonly currency: string;
  readonly accountNumber: string;
  readonly status: LedgerAccountStatus;
  /** What may leave it at most; undefined leaves them as they are. */
  readonly limits?: Limits | undefined;
  /** Counts the account's changes of status and limits from 1. */
  readonly version: number;
}

/** What the ledger has after a change. */
export interface LedgerAccountState {
  readonly id: string;
  readonly status: LedgerAccountStatus;
  readonly version: number;
}

/**
 * Opens the account in the ledger, or moves it to a newer status and newer limits. A version that the ledger has already, or an older
 * one, changes nothing. Takes the row lock that postings take: after a freeze has committed no debit can succeed, and
 * none beyond the limits after these have.
 * @throws {ProblemError} account_not_empty when a closing account holds money, conflict when the id stands for an
 *   account of another owner, currency or number
 */
export async function putLedgerAccount(
  tx: Transaction<Tables>,
  change: AccountChange,
  now = new Date(),
): Promise<LedgerAccountState> {
  if (await open(tx, change, now)) return stateOf(change);
  const current = await tx
    .selectFrom('ledger_accounts')
    .select([
      ...(['owner_id', 'currency', 'account_number', 'status', 'status_version', 'posted', 'held'] as const),
      ...limitColumns,
    ])
    .where('id', '=', change.id)
    .forUpdate()
    .executeTakeFirst();
  const isSame =
    current?.owner_id === change.ownerId &&
    current.currency === change.currency &&
    current.account_number === change.accountNumber;
  if (!current || !isSame) throw problem('conflict', 'The ledger has another account with this id or number.');
  if (change.version <= current.status_version) {
    return { id: change.id, status: current.status, version: current.status_version };
  }
  if (change.status === 'closed' && (current.posted !== 0n || current.held !== 0n)) {
    throw problem('account_not_empty', 'The balance of the account is not zero, or money is held on it.');
  }
  await tx
    .updateTable('ledger_accounts')
    .set({ status: change.status, status_version: change.version, ...limitValues(change.limits) })
    .where('id', '=', change.id)
    .execute();
  if (isLimited(change.limits) && limitColumns.every((column) => current[column] === null)) {
    await countUses(tx, change.id, now);
  }
  return stateOf(change);
}

async function open(tx: Transaction<Tables>, change: AccountChange, now: Date): Promise<boolean> {
  const { numInsertedOrUpdatedRows = 0n } = await tx
    .insertInto('ledger_accounts')
    .values({
      id: change.id,
      owner_id: change.ownerId,
      class: 'liability',
      name: null,
      currency: change.currency,
      status: change.status,
      status_version: change.version,
      account_number: change.accountNumber,
      ...limitValues(change.limits),
      floor: 0n,
      last_entry_at: null,
      created_at: now,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if (numInsertedOrUpdatedRows === 0n) return false;
  const account = accountName({ id: change.id, name: null });
  const facts = { source: 'florin/transactions', subject: account, data: { account, version: change.version } };
  await appendEvents(tx, [newEvent(ledgerAccountOpened, facts)]);
  return true;
}

function stateOf({ id, status, version }: AccountChange): LedgerAccountState {
  return { id, status, version };
}
