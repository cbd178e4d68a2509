import type pg from 'pg';

/** Rows as they were at some moment, to see whether they stay so. */
export interface RowMark {
  /** Number of a database transaction: those before it have ended. */
  readonly before: string;
  readonly hash: string;
}

/** Number of the next database transaction, as long as none is under way. */
export async function transactionNumber(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ number: string }>(
    'select pg_snapshot_xmin(pg_current_snapshot())::text as number',
  );
  return rows[0]?.number ?? '0';
}

/** Remembers all transactions and entries that can no longer change. */
export async function markRows(client: pg.Client): Promise<RowMark> {
  const before = await transactionNumber(client);
  return { before, hash: await hashBefore(client, before) };
}

/** I13. */
export async function rowViolations(client: pg.Client, mark: RowMark | undefined): Promise<string[]> {
  if (mark === undefined) return ['I13: no rows were remembered'];
  const isSame = (await hashBefore(client, mark.before)) === mark.hash;
  return isSame ? [] : ['I13: rows that were there early in the run have changed'];
}

async function hashBefore(client: pg.Client, before: string): Promise<string> {
  const { rows } = await client.query<{ hash: string }>(
    `select concat(sum(hashtextextended(one::text, 0)::numeric), ' ', sum(entries.hash)) as hash
     from transactions.transactions as one,
       lateral (select sum(hashtextextended(entry::text, 0)::numeric) as hash
         from transactions.entries as entry where transaction_id = one.id) as entries
     where one.xid < $1::xid8`,
    [before],
  );
  return rows[0]?.hash ?? '';
}
