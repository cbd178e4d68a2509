import type { Database } from '@florin/database';
import { sql } from 'kysely';
import type { Tables } from '../tables.ts';

/**
 * What must be true of the ledger whatever happened, by its number in the list of promises.
 * `I1` entries sum to 0 per currency · `I2` a transaction has two entries at least and sums to 0 · `I3` balances are the
 * sums of their entries, held is the sum of the active holds · `I4` no balance is below its floor · `I5` each `ok` of the
 * clients is exactly one transaction · `I6` nothing else is one · `I10` versions are contiguous and each entry follows the
 * one before · `I14` no key is without its answer, no hold outlives what it was made for, nothing waits without one.
 */
export type LedgerInvariant = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I10' | 'I14';

/** Something that breaks an invariant: a currency, or the id of an account or transaction. */
export interface LedgerViolation {
  readonly invariant: LedgerInvariant;
  readonly subject: string;
}

/**
 * Looks at every row of the ledger in one statement, so at one instant; empty when all is well. I1 to I4, I10 and, after
 * due holds have expired, I14. `now` is the ledger's time.
 */
export async function ledgerViolations(db: Database<Tables>, now: Date): Promise<LedgerViolation[]> {
  const { rows } = await sql<LedgerViolation>`
    with chain as (
      select account_id, version, amount, balance_after,
        lag(balance_after, 1, 0::bigint) over (partition by account_id order by version) as before
      from entries
    ), histories as (
      select account_id, count(*) as entries, min(version) as first, max(version) as last, sum(amount) as total,
        bool_and(balance_after = before + amount) as follows
      from chain group by account_id
    ), active as (
      select account_id, sum(amount) as held from holds where status = 'active' group by account_id
    )
    select 'I1' as invariant, currency as subject from entries group by currency having sum(amount) <> 0
    union all
    select 'I2', transactions.id::text from transactions left join entries on transaction_id = transactions.id
    group by transactions.id having count(transaction_id) < 2
    union all
    select 'I2', transaction_id::text from entries group by transaction_id, currency having sum(amount) <> 0
    union all
    select 'I2', transaction_id::text from entries
    where not exists (select from transactions where id = transaction_id)
    union all
    select 'I3', coalesce(account.id, histories.account_id)::text
    from ledger_accounts as account full join histories on histories.account_id = account.id
    where coalesce(account.posted, 0) <> coalesce(histories.total, 0)
    union all
    select 'I3', coalesce(account.id, active.account_id)::text
    from ledger_accounts as account full join active on active.account_id = account.id
    where coalesce(account.held, 0) <> coalesce(active.held, 0)
    union all
    select 'I4', id::text from ledger_accounts where posted - held < floor
    union all
    select 'I10', coalesce(account.id, histories.account_id)::text
    from ledger_accounts as account full join histories on histories.account_id = account.id
    where coalesce(account.version, 0) <> coalesce(histories.last, 0)
      or histories.first <> 1 or histories.last <> histories.entries or not histories.follows
    union all
    select 'I14', key from idempotency_keys where status is null
    union all
    select 'I14', id::text from holds where status = 'active' and expires_at <= ${now}
    union all
    select 'I14', coalesce(hold.id, open.id)::text
    from (select id from holds where status = 'active' and purpose <> 'authorization') as hold
    full join (
      select id from payments where status = 'pending' and type = 'withdrawal'
      union all
      select id from pending_transfers where not exists (select from approval_decisions as word where word.id = pending_transfers.id)
    ) as open on open.id = hold.id
    where hold.id is null or open.id is null`.execute(db);
  return rows;
}

/** A client's word for a transaction. */
export interface AcknowledgedTransaction {
  /** uuid, as answered. */
  readonly id: string;
  /** What was asked for; the same for all answers to one idempotency key. A place in a batch is a request of its own. */
  readonly request: string;
  /** Minor units, as asked for. */
  readonly amount: bigint;
}

/** Compares all transactions of the ledger with all that clients were told: I5 and I6. No client may be at work. */
export async function historyViolations(
  db: Database<Tables>,
  acknowledged: readonly AcknowledgedTransaction[],
): Promise<LedgerViolation[]> {
  const rows = await db.selectFrom('transactions').select(['id', 'amount']).execute();
  const amounts = new Map(rows.map((row) => [row.id, row.amount]));
  const byTransaction = new Map<string, string>();
  const byRequest = new Map<string, string>();
  const broken = acknowledged.filter(({ id, request, amount }) => {
    const isOne = (byTransaction.get(id) ?? request) === request && (byRequest.get(request) ?? id) === id;
    byTransaction.set(id, request);
    byRequest.set(request, id);
    return !isOne || amounts.get(id) !== amount;
  });
  const unheard = rows.filter((row) => !byTransaction.has(row.id));
  return [
    ...broken.map(({ id }): LedgerViolation => ({ invariant: 'I5', subject: id })),
    ...unheard.map(({ id }): LedgerViolation => ({ invariant: 'I6', subject: id })),
  ];
}
