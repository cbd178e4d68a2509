import type { IdempotencyKeysTable, InboxTable, OutboxTable } from '@florin/database';
import type { Generated } from 'kysely';
import type { AccountStatus, AccountType } from './accounts/account.ts';

/** Ids are UUIDs, amounts minor units. */
export interface AccountsTable {
  id: string;
  owner: string;
  name: string;
  type: AccountType;
  currency: string;
  status: AccountStatus;
  /** Counts changes of status and limits from 1; the ledger ignores what is older than it has. */
  version: number;
  account_number: string;
  goal_amount: bigint | null;
  /** yyyy-mm-dd */
  goal_due_date: string | null;
  limit_per_transaction: bigint | null;
  limit_daily: bigint | null;
  limit_monthly: bigint | null;
  /** When the sweep is to tell the ledger this version again; null once the ledger has it. */
  ledger_due_at: Date | null;
  created_at: Date;
}

/** One row for each version of an account: what changed, who changed it and why. */
export interface StatusChangesTable {
  account_id: string;
  version: number;
  status: AccountStatus;
  limit_per_transaction: bigint | null;
  limit_daily: bigint | null;
  limit_monthly: bigint | null;
  /** Null where nobody asked for it, as when the ledger refuses a closing. */
  actor: string | null;
  reason: string | null;
  changed_at: Date;
}

/** Idempotency keys of openings. The account exists from the first row on; `answer` is null until it has been told. */
export interface AccountOpeningsTable {
  owner: string;
  key: string;
  fingerprint: Buffer;
  account_id: string;
  answer: string | null;
}

/** The projection of the ledger's balances: no row until the first entry or hold. Each part is the newest seen. */
export interface BalancesTable {
  account_id: string;
  posted: bigint;
  held: bigint;
  /** Of `posted`: the account's last entry. */
  version: bigint;
  /** Of `held`: counts its changes. */
  held_version: Generated<bigint>;
  as_of: Date;
}

/** Orders openings and the end of the relation with somebody. A row from whichever came first. */
export interface OwnersTable {
  owner: string;
  /** The newest attempt of identity to close the owner that has been decided. */
  attempt: Generated<bigint>;
  /** From then on the owner opens no account. */
  closed_at: Date | null;
  erased_at: Date | null;
}

/** Whom an owner pays to. */
export interface PayeesTable {
  id: string;
  owner: string;
  name: string;
  /** IBAN in electronic format. */
  account_number: string;
  created_at: Date;
}

/** The schema `accounts`. */
export interface Tables {
  accounts: AccountsTable;
  status_changes: StatusChangesTable;
  account_openings: AccountOpeningsTable;
  balances: BalancesTable;
  owners: OwnersTable;
  payees: PayeesTable;
  idempotency_keys: IdempotencyKeysTable;
  outbox: OutboxTable;
  inbox: InboxTable;
}
