import { textColumn, uuidColumn } from '@florin/database';
import type { QueryConfig, QueryResultRow } from 'pg';
import type { KeptAnswer } from './batch-decision.ts';
import type { Idempotency, PaymentState, ReversedTransaction } from './command.ts';
import type { Hold } from './hold.ts';
import type { LockedAccount } from './working-ledger.ts';

/** A statement with the row type it returns. */
export interface Statement<_Row extends QueryResultRow> extends QueryConfig {
  readonly name: string;
}

/** Limits of an account, minor units; null where there is none. */
export interface LimitColumns {
  readonly perTransaction: bigint | null;
  readonly daily: bigint | null;
  readonly monthly: bigint | null;
}

/** An account as locked, with the place of its row (`ctid`), which is its own until the transaction ends. */
export interface AccountRow extends LockedAccount, LimitColumns, QueryResultRow {
  readonly rowPlace: string;
}

/** Locks the accounts in the order of their ids, so that no two batches, in whatever process, wait for each other. */
export function lockAccounts(ids: readonly string[]): Statement<AccountRow> {
  return {
    name: 'lock_accounts',
    text: `select id, owner_id as "ownerId", name, account_number as "accountNumber", currency, status, posted, held,
        held_version as "heldVersion", version, floor, last_entry_at as "lastEntryAt", ctid::text as "rowPlace",
        limit_per_transaction as "perTransaction", limit_daily as daily, limit_monthly as monthly
      from ledger_accounts where id = any ($1::uuid[]) order by id for update`,
    values: [uuidColumn(ids)],
  };
}

/** Locks payments. Send it after `lockAccounts`: who holds a payment's account is alone with the payment. */
export function lockPayments(ids: readonly string[]): Statement<PaymentState & QueryResultRow> {
  return {
    name: 'lock_payments',
    text: `select id, type, account_id as "accountId", owner_id as "ownerId", amount, currency, status, provider,
        provider_reference as "providerReference", description, metadata, created_at as "createdAt"
      from payments where id = any ($1::uuid[]) order by id for update`,
    values: [uuidColumn(ids)],
  };
}

/** Locks holds. Send it after `lockAccounts`. */
export function lockHolds(ids: readonly string[]): Statement<Hold & QueryResultRow> {
  return {
    name: 'lock_holds',
    text: `select id, purpose, account_id as "accountId", to_account_id as "toAccountId", amount,
        captured_amount as "capturedAmount", currency, status, description, initiated_by as "initiatedBy",
        trace_id as "traceId", expires_at as "expiresAt", created_at as "createdAt", updated_at as "updatedAt"
      from holds where id = any ($1::uuid[]) order by id for update`,
    values: [uuidColumn(ids)],
  };
}

/** What is used of an account's limits in a period, minor units. */
export interface UseRow extends QueryResultRow {
  readonly accountId: string;
  readonly period: string;
  readonly used: bigint;
}

/** Reads what is used of limits. Send it after `lockAccounts`: nobody else counts on a locked account. */
export function readLimitUses(accountIds: readonly string[], periods: readonly string[]): Statement<UseRow> {
  return {
    name: 'read_limit_uses',
    text: `select account_id as "accountId", period, used from limit_uses
      where account_id = any ($1::uuid[]) and period = any ($2::text[])`,
    values: [uuidColumn(accountIds), textColumn(periods)],
  };
}

/** Reads transactions with the sum of their reversals. Send it after `lockAccounts`: it makes the sums final. */
export function readReversed(ids: readonly string[]): Statement<ReversedTransaction & QueryResultRow> {
  return {
    name: 'read_reversed',
    text: `select id, type, amount, currency, debit_account_id as "debitAccountId",
        credit_account_id as "creditAccountId", hold_id as "holdId", initiated_by as "initiatedBy",
        (select coalesce(sum(amount), 0)::bigint from transactions as reversal
          where reversal.reversal_of = original.id) as "reversedAmount"
      from transactions as original where id = any ($1::uuid[])`,
    values: [uuidColumn(ids)],
  };
}

/**
 * The answers kept under these keys. Send it ahead of the lock, which is then held for a shorter time: an answer that is
 * committed while we wait for the lock is not seen, but makes the write fail on the primary key and the batch run again.
 * `offset 0` keeps it a lookup for each: a server that has counted while there were no answers would go through all of them.
 */
export function readAnswers(keys: readonly Idempotency[]): Statement<KeptAnswer & QueryResultRow> {
  return {
    name: 'read_answers',
    text: `select kept.caller, kept.key, fingerprint, status, body
      from unnest($1::text[], $2::text[]) as wanted (caller, key)
      cross join lateral (
        select * from idempotency_keys where (caller, key) = (wanted.caller, wanted.key) offset 0
      ) as kept`,
    values: [textColumn(keys.map((item) => item.caller)), textColumn(keys.map((item) => item.key))],
  };
}

/** Which of these transactions exist: tells whether a commit whose answer was lost took place. */
export function findTransactions(ids: readonly string[]): Statement<{ id: string }> {
  return {
    name: 'find_transactions',
    text: 'select id from transactions where id = any ($1::uuid[])',
    values: [uuidColumn(ids)],
  };
}
