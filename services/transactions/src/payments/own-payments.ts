import type { Database } from '@florin/database';
import { formatAmount } from '@florin/money';
import { formatId, idSchema } from '@florin/service';
import { sql } from 'kysely';
import Type, { type Static } from 'typebox';
import type { PaymentStatus } from '../engine/command.ts';
import type { Tables } from '../tables.ts';
import type { Instrument } from './providers/provider.ts';

const Time = Type.String({ format: 'date-time' });
const nullable = Type.Union([Type.String(), Type.Null()]);

/** A deposit or withdrawal with what the transaction it became does not show. */
export const OwnPaymentSchema = Type.Object({
  id: idSchema('txn'),
  type: Type.String({ enum: ['deposit', 'withdrawal'] }),
  status: Type.String({ enum: ['pending', 'posted', 'failed'] }),
  account: idSchema('acc'),
  amount: Type.String({ description: "Decimal with the currency's full scale" }),
  currency: Type.String(),
  provider: Type.String(),
  providerReference: nullable,
  instrument: Type.Record(Type.String(), Type.String(), {
    description: 'Where the money came from or went to: type, and token or iban',
  }),
  description: nullable,
  metadata: Type.Record(Type.String(), Type.String()),
  createdAt: Time,
  updatedAt: Time,
});

interface Row {
  id: string;
  type: 'deposit' | 'withdrawal';
  status: PaymentStatus;
  accountId: string;
  amount: bigint;
  currency: string;
  provider: string;
  providerReference: string | null;
  source: Instrument;
  description: string | null;
  metadata: Record<string, string>;
  createdAt: Date;
  updatedAt: Date;
}

const lastUuid = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/**
 * A page of somebody's deposits and withdrawals, newest first: those before `before` (uuid) when it is given. Each
 * account's part is read from the index by account and id, as in the lists of transactions.
 */
export async function listOwnPayments(
  db: Database<Tables>,
  owner: string,
  { before = lastUuid, limit }: { before: string | undefined; limit: number },
): Promise<Static<typeof OwnPaymentSchema>[]> {
  const { rows } = await sql<Row>`
    select one.id, type, one.status, account_id as "accountId", amount, one.currency, provider,
      provider_reference as "providerReference", source, description, metadata, one.created_at as "createdAt",
      updated_at as "updatedAt"
    from ledger_accounts as mine
    cross join lateral (
      select * from payments
      where (account_id, id) < (mine.id, ${before}::uuid) and account_id >= mine.id and owner_id = ${owner}
      order by account_id desc, id desc limit ${limit}
    ) as one
    where mine.owner_id = ${owner} order by one.id desc limit ${limit}`.execute(db);
  return rows.map(viewPayment);
}

function viewPayment({ source, ...row }: Row): Static<typeof OwnPaymentSchema> {
  return {
    ...row,
    id: formatId('txn', row.id),
    account: formatId('acc', row.accountId),
    amount: formatAmount(row.amount, row.currency),
    instrument: { ...source },
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}
