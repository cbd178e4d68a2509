import type pg from 'pg';
import { uuidOfTransaction } from '../../../../services/transactions/src/testing/test-service.ts';
import { type Effect, readHistory } from './history.ts';

/** What the history and the ledger disagree about: invariant and subject in words. */
export type Disagreement = string;

const chunkSize = 10_000;

/**
 * Compares what clients were told with the ledger, which must be at rest: each `ok` is exactly one transaction, as asked
 * for (I5), nothing else is one and no `fail` is (I6), and every call has become definite, once (I7).
 *
 * @param client as superuser; keeps a temporary table
 * @param since number of a database transaction: what was posted before it is another history's
 */
export async function historyViolations(client: pg.Client, file: string, since = '0'): Promise<Disagreement[]> {
  await client.query(`
    create temporary table history (request text, outcome text, transaction uuid, type text, amount bigint,
      currency text, debit uuid, credit uuid)`);
  const open = await loadHistory(client, file);
  await client.query('create index on history (transaction)');
  await client.query('create index on history (request)');
  await client.query('analyze history');
  const { rows } = await client.query<{ text: string }>(disagreements, [since]);
  await client.query('drop table history');
  return [...open, ...rows.map(({ text }) => text)];
}

/** Returns what is wrong with the history itself. */
async function loadHistory(client: pg.Client, file: string): Promise<Disagreement[]> {
  const known = new Set<string>();
  const open = new Set<string>();
  const twice: string[] = [];
  let effects: Effect[] = [];
  for await (const line of readHistory(file)) {
    if (line.replay) continue;
    if (line.outcome === 'unknown') {
      open.add(line.key);
      continue;
    }
    open.delete(line.key);
    if (known.has(line.key)) twice.push(`I7: ${line.key} has become definite twice`);
    known.add(line.key);
    effects.push(...(line.effects ?? []));
    if (effects.length < chunkSize) continue;
    await insert(client, effects);
    effects = [];
  }
  await insert(client, effects);
  return [...twice, ...Array.from(open, (key) => `I7: ${key} is still unknown`)];
}

async function insert(client: pg.Client, effects: readonly Effect[]): Promise<void> {
  const column = (pick: (effect: Effect) => string | null) => effects.map(pick);
  await client.query(
    `insert into history select * from unnest($1::text[], $2::text[], $3::uuid[], $4::text[], $5::bigint[], $6::text[],
       $7::uuid[], $8::uuid[])`,
    [
      column(({ request }) => request),
      column(({ outcome }) => outcome),
      column(({ transaction }) => (transaction === undefined ? null : uuidOfTransaction(transaction))),
      column(({ type }) => type),
      column(({ amount }) => amount),
      column(({ currency }) => currency),
      column(({ from }) => from),
      column(({ to }) => to),
    ],
  );
}

// A deposit comes from an account of the bank's own, which its client does not know.
const disagreements = `
  with told as (select * from history where outcome = 'ok' and transaction is not null),
  ledger as (select * from transactions.transactions where xid >= $1::xid8)
  select 'I5: ' || told.request || ' was acknowledged as transaction ' || told.transaction || ', which ' ||
    case when ledger.id is null then 'does not exist' else 'is another movement' end as text
  from told left join ledger on ledger.id = told.transaction
  where ledger.id is null or (ledger.type, ledger.amount, ledger.currency, ledger.credit_account_id)
      is distinct from (told.type, told.amount, told.currency, told.credit)
    or ledger.debit_account_id <> told.debit
  union all
  select 'I5: transaction ' || transaction || ' was acknowledged to ' || string_agg(request, ' and ')
  from told group by transaction having count(*) > 1
  union all
  select 'I5: ' || description || ' is ' || count(*) || ' transactions'
  from ledger where type = 'transfer' and hold_id is null and description is not null group by description having count(*) > 1
  union all
  select 'I6: transaction ' || ledger.id || ' was acknowledged to nobody' ||
    coalesce((select '; ' || request || ' was told that it will not be' from history
      where outcome = 'fail' and request = ledger.description limit 1), '')
  from ledger where not exists (select from told where told.transaction = ledger.id)
  order by text limit 100`;
