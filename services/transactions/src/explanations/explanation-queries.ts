import type { Database } from '@florin/database';
import { sql } from 'kysely';
import type { Tables } from '../tables.ts';
import type { Party } from '../transactions/transaction-view.ts';

/** Who asked for a transaction, in which trace. */
export interface Origin {
  /** `usr_…` or `service:<name>` */
  readonly initiatedBy: string;
  readonly traceId: string | null;
  /** It was posted before decisions were recorded. */
  readonly unrecorded: boolean;
}

/** What a decision looked at, with the account that it was about. Minor units of `currency`. */
export interface RecordedDecision extends Party {
  readonly step: 'request' | 'posting';
  readonly currency: string;
  readonly floor: bigint | null;
  readonly posted: bigint;
  readonly held: bigint;
  readonly perTransaction: bigint | null;
  readonly daily: bigint | null;
  readonly monthly: bigint | null;
  readonly usedToday: bigint | null;
  readonly usedThisMonth: bigint | null;
  readonly approvalThreshold: bigint | null;
  readonly feeFixed: bigint | null;
  readonly feeMillionths: bigint | null;
  readonly feeMax: bigint | null;
}

/** An entry with its account as it is now. Minor units. */
export interface ExplainedEntry extends Party {
  readonly currency: string;
  readonly amount: bigint;
  readonly balanceAfter: bigint;
  readonly version: bigint;
  readonly floor: bigint | null;
}

/** What a payment provider was asked and said. */
export interface ProviderCalls {
  readonly type: 'deposit' | 'withdrawal';
  readonly provider: string;
  readonly providerReference: string | null;
  readonly status: string;
  readonly attempts: number;
  readonly submittedAt: Date | null;
  readonly updatedAt: Date;
  readonly failureCode: string | null;
  readonly failureMessage: string | null;
}

/** That a transfer waited for an operator, and what came of it. */
export interface Approval {
  readonly askedAt: Date;
  readonly outcome: string | null;
  readonly decidedBy: string | null;
  readonly reason: string | null;
  readonly decidedAt: Date | null;
}

/** From wherever the transaction is recorded: posted, waiting for an operator, or at a provider. */
export async function findOrigin(db: Database<Tables>, id: string): Promise<Origin | undefined> {
  const { rows } = await sql<Origin>`
    select initiated_by as "initiatedBy", trace_id as "traceId", unrecorded from (
      select 1 as place, initiated_by, trace_id, decision_unrecorded is not null as unrecorded
      from transactions where id = ${id}
      union all select 2, initiated_by, trace_id, false from pending_transfers where id = ${id}
      union all select 3, initiated_by, trace_id, false from payments where id = ${id}
    ) as found order by place limit 1`.execute(db);
  return rows[0];
}

/** The transaction's entries, in the order in which they are read everywhere. */
export async function explainedEntries(db: Database<Tables>, id: string): Promise<ExplainedEntry[]> {
  const { rows } = await sql<ExplainedEntry>`
    select account.id, account.name, account.owner_id as "ownerId", account.floor, entry.currency, entry.amount,
      entry.balance_after as "balanceAfter", entry.version
    from entries as entry join ledger_accounts as account on account.id = entry.account_id
    where entry.transaction_id = ${id} order by entry.amount, entry.version`.execute(db);
  return rows;
}

/** Of the request, where it had to wait, and of the posting, where one was recorded; in this order. */
export async function recordedDecisions(db: Database<Tables>, id: string): Promise<RecordedDecision[]> {
  const { rows } = await sql<RecordedDecision>`
    select step, account.id, account.name, account.owner_id as "ownerId", account.currency, account.floor, record.posted,
      record.held, record.limit_per_transaction as "perTransaction", record.limit_daily as daily,
      record.limit_monthly as monthly, used_today as "usedToday", used_this_month as "usedThisMonth",
      approval_threshold as "approvalThreshold", fee_fixed as "feeFixed", fee_millionths as "feeMillionths",
      fee_max as "feeMax"
    from decision_records as record
    join ledger_accounts as account on account.id = coalesce(
      (select debit_account_id from transactions where id = ${id}),
      (select from_account_id from pending_transfers where id = ${id}),
      (select account_id from payments where id = ${id}))
    where transaction_id = ${id} order by step desc`.execute(db);
  return rows;
}

/** Of a deposit or withdrawal. */
export async function findProviderCalls(db: Database<Tables>, id: string): Promise<ProviderCalls | undefined> {
  return await db
    .selectFrom('payments')
    .select([
      'type',
      'provider',
      'provider_reference as providerReference',
      'status',
      'attempts',
      'submitted_at as submittedAt',
      'updated_at as updatedAt',
      'failure_code as failureCode',
      'failure_message as failureMessage',
    ])
    .where('id', '=', id)
    .executeTakeFirst();
}

/** Of a transfer above the threshold. */
export async function findApproval(db: Database<Tables>, id: string): Promise<Approval | undefined> {
  const { rows } = await sql<Approval>`
    select created_at as "askedAt", outcome, decided_by as "decidedBy", reason, decided_at as "decidedAt"
    from pending_transfers left join approval_decisions using (id) where id = ${id}`.execute(db);
  return rows[0];
}

/** The transactions (uuids) that reverse it, oldest first. */
export async function findReversals(db: Database<Tables>, id: string): Promise<string[]> {
  const rows = await db.selectFrom('transactions').select('id').where('reversal_of', '=', id).orderBy('id').execute();
  return rows.map((row) => row.id);
}

/** Number of the seal that covers it; undefined where there is none yet. */
export async function findSealNumber(db: Database<Tables>, id: string): Promise<bigint | undefined> {
  const { rows } = await sql<{ number: bigint }>`
    select seal.number from transactions
    cross join lateral (
      select number from ledger_seals
      where (last_xid, last_transaction_id) >= (transactions.xid, transactions.id)
      order by last_xid, last_transaction_id limit 1
    ) as seal
    where transactions.id = ${id}`.execute(db);
  return rows[0]?.number;
}
