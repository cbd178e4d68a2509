import type { Database } from '@florin/database';
import { type RawBuilder, sql } from 'kysely';
import type { PaymentStatus, TransactionType } from '../engine/command.ts';
import type { Tables } from '../tables.ts';
import type { TransactionFilter } from './transaction-filter.ts';
import type { Party, ViewedTransaction } from './transaction-view.ts';

/** A page of a list: what is older than `before` (uuid), the newest first. */
export interface Page {
  readonly before: string | undefined;
  readonly limit: number;
}

interface TransactionRow {
  id: string;
  type: TransactionType;
  amount: bigint;
  currency: string;
  debitAccountId: string;
  creditAccountId: string;
  description: string | null;
  metadata: Record<string, string>;
  reversalOf: string | null;
  holdId: string | null;
  createdAt: Date;
  postedAt: Date;
  effectiveAt: Date;
}

interface PaymentRow {
  id: string;
  type: 'deposit' | 'withdrawal';
  status: PaymentStatus;
  amount: bigint;
  currency: string;
  accountId: string;
  ownerId: string;
  provider: string;
  failureCode: string | null;
  failureMessage: string | null;
  description: string | null;
  metadata: Record<string, string>;
  createdAt: Date;
}

const transactionColumns = sql`id, type, amount, currency, debit_account_id as "debitAccountId",
  credit_account_id as "creditAccountId", description, metadata, reversal_of as "reversalOf", hold_id as "holdId",
  created_at as "createdAt", posted_at as "postedAt", effective_at as "effectiveAt"`;

const paymentColumns = sql`id, type, status, amount, currency, account_id as "accountId", owner_id as "ownerId",
  provider, failure_code as "failureCode", failure_message as "failureMessage", description, metadata,
  created_at as "createdAt"`;

/**
 * Transactions on any of the accounts, posted and not, in descending order of their ids, which is the order in which
 * they were created. Each account's part is read from an index, so a page costs the same however long the history is.
 */
export async function listTransactions(
  db: Database<Tables>,
  accountIds: readonly string[],
  filter: TransactionFilter,
  page: Page,
): Promise<ViewedTransaction[]> {
  // Payments first: one that is posted between the two queries is then found twice, never not at all.
  const payments = await openPayments(db, accountIds, filter, page);
  const transactions = await postedTransactions(db, accountIds, filter, page);
  const found = new Map([...(await viewPayments(db, payments)), ...(await viewPosted(db, transactions))]);
  return [...found.values()].sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, page.limit);
}

/** One transaction, posted or not, with the owners who may see it; undefined where there is none. */
export async function findTransaction(
  db: Database<Tables>,
  id: string,
): Promise<{ transaction: ViewedTransaction; ownerIds: string[] } | undefined> {
  const payments = await sql<PaymentRow>`select ${paymentColumns} from payments where id = ${id}`.execute(db);
  const posted = await sql<TransactionRow>`
    select ${transactionColumns} from transactions where id = ${id}`.execute(db);
  const views = [...(await viewPosted(db, posted.rows)).values(), ...(await viewPayments(db, payments.rows)).values()];
  const [transaction] = views;
  if (!transaction) return undefined;
  // The owner of a deposit sees it also where its account could not take it and the bank holds the money.
  const owners = [transaction.from.ownerId, transaction.to.ownerId, ...payments.rows.map((row) => row.ownerId)];
  return { transaction, ownerIds: owners.filter((owner) => owner !== null) };
}

async function postedTransactions(
  db: Database<Tables>,
  accountIds: readonly string[],
  filter: TransactionFilter,
  { before, limit }: Page,
): Promise<TransactionRow[]> {
  if (filter.status !== undefined && filter.status !== 'posted') return [];
  const conditions = sql.join([sql`true`, ...conditionsOf(filter)], sql` and `);
  const side = (column: 'debit_account_id' | 'credit_account_id') => sql`
    (select * from transactions where ${ofAccountBefore(column, before)} and ${conditions}
      order by ${sql.ref(column)} desc, id desc limit ${limit})`;
  const { rows } = await sql<TransactionRow>`
    select distinct on (id) ${transactionColumns} from (
      select one.* from unnest(${[...accountIds]}::uuid[]) as mine (id)
      cross join lateral (${side('debit_account_id')} union all ${side('credit_account_id')}) as one
    ) as found
    order by id desc limit ${limit}`.execute(db);
  return rows;
}

/** Those that have not become a transaction. */
async function openPayments(
  db: Database<Tables>,
  accountIds: readonly string[],
  filter: TransactionFilter,
  { before, limit }: Page,
): Promise<PaymentRow[]> {
  if (filter.status !== undefined && filter.status !== 'pending' && filter.status !== 'failed') return [];
  const statuses = filter.status === undefined ? ['pending', 'failed'] : [filter.status];
  const open = sql`status <> 'posted' and status = any (${statuses})`;
  const conditions = sql.join([open, ...conditionsOf(filter)], sql` and `);
  const { rows } = await sql<PaymentRow>`
    select ${paymentColumns} from (
      select one.* from unnest(${[...accountIds]}::uuid[]) as mine (id)
      cross join lateral (
        select * from payments where ${ofAccountBefore('account_id', before)} and ${conditions}
        order by account_id desc, id desc limit ${limit}
      ) as one
    ) as found
    order by id desc limit ${limit}`.execute(db);
  return rows;
}

const lastUuid = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/**
 * Says "of the account `mine.id`, with an id below `before`" so that only the index by account and id can answer it in
 * order. Written as `account = mine.id … order by id`, Postgres may walk the primary key backwards instead, through
 * everybody's transactions, in search of the few of an account that has not many.
 */
function ofAccountBefore(column: string, before = lastUuid): RawBuilder<unknown> {
  const account = sql.ref(column);
  return sql`(${account}, id) < (mine.id, ${before}::uuid) and ${account} >= mine.id`;
}

/** What a filter asks of rows with the columns of `transactions`; nothing about their status. */
export function conditionsOf(filter: TransactionFilter): RawBuilder<unknown>[] {
  const conditions: RawBuilder<unknown>[] = [];
  if (filter.type !== undefined) conditions.push(sql`type = ${filter.type}`);
  if (filter.from !== undefined) conditions.push(sql`created_at >= ${filter.from}`);
  if (filter.to !== undefined) conditions.push(sql`created_at < ${filter.to}`);
  if (filter.reference !== undefined) conditions.push(sql`metadata ->> 'reference' = ${filter.reference}`);
  if (filter.amounts !== undefined) {
    const ranges = Array.from(
      filter.amounts,
      ([currency, { min, max }]) => sql`(currency = ${currency} and amount between ${min} and ${max})`,
    );
    conditions.push(ranges.length === 0 ? sql`false` : sql`(${sql.join(ranges, sql` or `)})`);
  }
  return conditions;
}

async function viewPosted(
  db: Database<Tables>,
  rows: readonly TransactionRow[],
): Promise<Map<string, ViewedTransaction>> {
  if (rows.length === 0) return new Map();
  const ids = rows.map((row) => row.id);
  const [entries, reversedBy] = await Promise.all([entriesOf(db, ids), latestReversals(db, ids)]);
  const party = await partiesOf(db, [
    ...rows.flatMap((row) => [row.debitAccountId, row.creditAccountId]),
    ...entries.map((entry) => entry.account_id),
  ]);
  const byTransaction = Map.groupBy(entries, (entry) => entry.transaction_id);
  return new Map(
    rows.map((row) => [
      row.id,
      {
        ...row,
        ...reversedBy.get(row.id),
        status: 'posted' as const,
        from: party(row.debitAccountId),
        to: party(row.creditAccountId),
        entries: (byTransaction.get(row.id) ?? []).map((entry) => ({
          party: party(entry.account_id),
          currency: entry.currency,
          amount: entry.amount,
          balanceAfter: entry.balance_after,
          version: entry.version,
        })),
      },
    ]),
  );
}

async function entriesOf(db: Database<Tables>, ids: readonly string[]) {
  return await db
    .selectFrom('entries')
    .select(['transaction_id', 'account_id', 'amount', 'currency', 'balance_after', 'version'])
    .where('transaction_id', 'in', ids)
    .orderBy('amount')
    .orderBy('version')
    .execute();
}

async function latestReversals(
  db: Database<Tables>,
  ids: readonly string[],
): Promise<Map<string, { reversedBy: string }>> {
  const { rows } = await sql<{ original: string; reversedBy: string }>`
    select distinct on (reversal_of) reversal_of as original, id as "reversedBy" from transactions
    where reversal_of = any (${[...ids]}::uuid[]) order by reversal_of, id desc`.execute(db);
  return new Map(rows.map(({ original, reversedBy }) => [original, { reversedBy }]));
}

async function viewPayments(
  db: Database<Tables>,
  rows: readonly PaymentRow[],
): Promise<Map<string, ViewedTransaction>> {
  if (rows.length === 0) return new Map();
  const party = await partiesOf(
    db,
    rows.map((row) => row.accountId),
  );
  return new Map(rows.map((row) => [row.id, viewPayment(row, party(row.accountId))]));
}

function viewPayment(row: PaymentRow, account: Party): ViewedTransaction {
  const provider: Party = { id: row.id, name: `external:${row.provider}`, ownerId: null };
  const { failureCode, failureMessage } = row;
  return {
    ...row,
    from: row.type === 'deposit' ? provider : account,
    to: row.type === 'deposit' ? account : provider,
    entries: [],
    reversalOf: null,
    holdId: row.type === 'withdrawal' ? row.id : null,
    ...(failureCode !== null && { failure: { code: failureCode, message: failureMessage ?? '' } }),
    postedAt: null,
    effectiveAt: null,
  };
}

/** Finds the accounts; the function it gives throws for one that does not exist. */
export async function partiesOf(db: Database<Tables>, ids: readonly string[]): Promise<(id: string) => Party> {
  const rows = await db
    .selectFrom('ledger_accounts')
    .select(['id', 'name', 'owner_id as ownerId'])
    .where('id', 'in', [...new Set(ids)])
    .execute();
  const parties = new Map(rows.map((row) => [row.id, row]));
  return (id) => {
    const found = parties.get(id);
    if (!found) throw new Error(`Ledger account ${id} does not exist`);
    return found;
  };
}
