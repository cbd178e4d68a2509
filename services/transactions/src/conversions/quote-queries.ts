import type { Database, Transaction } from '@florin/database';
import { sql } from 'kysely';
import type { Tables } from '../tables.ts';
import type { Quote } from './quote.ts';

/** A quote, and the conversion it was used for (uuid), if any. */
export interface FoundQuote extends Quote {
  readonly usedBy: string | null;
}

/** Adds a quote. */
export async function insertQuote(tx: Transaction<Tables>, quote: Quote): Promise<void> {
  await tx
    .insertInto('fx_quotes')
    .values({
      id: quote.id,
      owner_id: quote.ownerId,
      sell: quote.sell,
      buy: quote.buy,
      side: quote.side,
      sell_amount: quote.sellAmount,
      buy_amount: quote.buyAmount,
      mid_rate: quote.midRate,
      rate: quote.rate,
      spread_basis_points: quote.spreadBasisPoints,
      created_at: quote.createdAt,
      expires_at: quote.expiresAt,
    })
    .execute();
}

function quotes(db: Database<Tables>) {
  return db
    .selectFrom('fx_quotes as quote')
    .leftJoin('fx_quote_uses as use', 'use.quote_id', 'quote.id')
    .select([
      'quote.id',
      'quote.owner_id as ownerId',
      'quote.sell',
      'quote.buy',
      'quote.side',
      'quote.sell_amount as sellAmount',
      'quote.buy_amount as buyAmount',
      'quote.mid_rate as midRate',
      'quote.rate',
      'quote.spread_basis_points as spreadBasisPoints',
      'quote.created_at as createdAt',
      'quote.expires_at as expiresAt',
      'use.transaction_id as usedBy',
    ]);
}

/** The quote of that id (uuid) which is the owner's. */
export async function findQuote(db: Database<Tables>, id: string, ownerId: string): Promise<FoundQuote | undefined> {
  return await quotes(db).where('quote.id', '=', id).where('quote.owner_id', '=', ownerId).executeTakeFirst();
}

/** The quote that a conversion (uuid) was made at. */
export async function quoteOf(db: Database<Tables>, transactionId: string): Promise<FoundQuote | undefined> {
  return await quotes(db).where('use.transaction_id', '=', transactionId).executeTakeFirst();
}

/** Forgets quotes that nobody has used, a week after they expired: kept answers about them are then a week old too. */
export async function purgeQuotes(db: Database<Tables>): Promise<void> {
  await sql`delete from fx_quotes where expires_at < now() - interval '7 days'
    and not exists (select from fx_quote_uses where quote_id = fx_quotes.id)`.execute(db);
}
