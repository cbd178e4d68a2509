import type { Database, Transaction } from '@florin/database';
import { sql } from 'kysely';
import type { Tables } from '../tables.ts';
import type { Instrument } from './providers/provider.ts';

type Db = Database<Tables> | Transaction<Tables>;

/** A deposit to write down, before any provider has heard of it. */
export interface NewPayment {
  id: string;
  type: 'deposit';
  accountId: string;
  ownerId: string;
  amount: bigint;
  currency: string;
  provider: string;
  source: { type: string; token: string };
  description: string | null;
  metadata: Record<string, string>;
  initiatedBy: string;
  traceId: string | null;
}

/** What must be known of a payment to bring a report about it to the ledger; none of it ever changes. */
export interface PaymentFacts {
  id: string;
  type: 'deposit' | 'withdrawal';
  accountId: string;
  currency: string;
  provider: string;
  initiatedBy: string;
  traceId: string | null;
}

/** A payment taken for one call to its provider. `attempts` counts this call too. */
export interface ClaimedPayment extends PaymentFacts {
  amount: bigint;
  /** Of a deposit; the destination of a withdrawal. */
  source: Instrument;
  attempts: number;
  /** The provider has taken the order; now it is asked what became of it. */
  submitted: boolean;
}

const facts = sql`id, type, account_id as "accountId", currency, provider, initiated_by as "initiatedBy",
  trace_id as "traceId"`;

/** Writes a pending payment, due for submission at once. Returns its instant of creation, the database's. */
export async function insertPayment(tx: Transaction<Tables>, payment: NewPayment): Promise<Date> {
  const { rows } = await sql<{ created_at: Date }>`
    insert into payments (id, type, account_id, owner_id, amount, currency, status, provider, source, description,
      metadata, initiated_by, trace_id, next_attempt_at, created_at, updated_at)
    values (${payment.id}, ${payment.type}, ${payment.accountId}, ${payment.ownerId}, ${payment.amount},
      ${payment.currency}, 'pending', ${payment.provider}, ${JSON.stringify(payment.source)}, ${payment.description},
      ${JSON.stringify(payment.metadata)}, ${payment.initiatedBy}, ${payment.traceId},
      now(), date_trunc('milliseconds', now()), now())
    returning created_at`.execute(tx);
  const [row] = rows;
  if (!row) throw new Error('The payment was not written');
  return row.created_at;
}

/** The payment with this id at this provider. */
export async function findPaymentFacts(db: Db, provider: string, id: string): Promise<PaymentFacts | undefined> {
  const { rows } = await sql<PaymentFacts>`
    select ${facts} from payments where id = ${id} and provider = ${provider}`.execute(db);
  return rows[0];
}

/**
 * Takes a provider's payments whose next call is due, longest due first. No other worker sees them until `leaseMs`
 * have passed, so that a call that died with its process is made again then.
 */
export async function claimDuePayments(
  db: Db,
  provider: string,
  limit: number,
  leaseMs: number,
): Promise<ClaimedPayment[]> {
  const { rows } = await sql<ClaimedPayment>`
    update payments
    set next_attempt_at = now() + ${leaseMs} * interval '1 millisecond', attempts = attempts + 1
    where id in (
      select id from payments where status = 'pending' and provider = ${provider} and next_attempt_at <= now()
      order by next_attempt_at limit ${limit} for update skip locked
    )
    returning ${facts}, amount, source, attempts, submitted_at is not null as submitted`.execute(db);
  return rows;
}

/** Records that the provider has taken the order; it is asked about it in `askAfterMs`. Nothing when the payment has ended. */
export async function markSubmitted(db: Db, id: string, providerReference: string, askAfterMs: number): Promise<void> {
  await sql`
    update payments
    set submitted_at = now(), provider_reference = ${providerReference}, attempts = 0, updated_at = now(),
      next_attempt_at = now() + ${askAfterMs} * interval '1 millisecond'
    where id = ${id} and status = 'pending'`.execute(db);
}

/** Sets when the provider is called next, in milliseconds from now. Nothing when the payment has ended. */
export async function scheduleCall(db: Db, id: string, delayMs: number): Promise<void> {
  await sql`
    update payments set next_attempt_at = now() + ${delayMs} * interval '1 millisecond'
    where id = ${id} and status = 'pending'`.execute(db);
}

/** The provider has never seen the order that we took for submitted: it is submitted again at once. */
export async function scheduleResubmission(db: Db, id: string): Promise<void> {
  await sql`
    update payments set submitted_at = null, provider_reference = null, next_attempt_at = now(), updated_at = now()
    where id = ${id} and status = 'pending'`.execute(db);
}

/** How many payments have not ended, and the age of the oldest in seconds (0 when there is none). */
export async function pendingSummary(db: Db): Promise<{ count: number; oldestSeconds: number }> {
  const { rows } = await sql<{ count: bigint; oldest: string | null }>`
    select count(*) as count, extract(epoch from now() - min(created_at)) as oldest
    from payments where status = 'pending'`.execute(db);
  return { count: Number(rows[0]?.count ?? 0), oldestSeconds: Math.max(0, Number(rows[0]?.oldest ?? 0)) };
}
