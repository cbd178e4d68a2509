import { setTimeout as sleep } from 'node:timers/promises';
import { formatId, parseId } from '@florin/service';
import type pg from 'pg';
import { withClient } from '../servers/postgres.ts';

/**
 * What the consumers of posted transactions have not yet taken into account: balances that the ledger has newer, and notices
 * of its newest transaction. Events come in order, so nothing older is waiting then.
 */
async function pendingEvents(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ stale: string; newest: string | null; owners: string[] }>(
    `with newest as (select id from transactions.transactions where type <> 'deposit' order by id desc limit 1)
     select (select id from newest) as newest,
       (select count(*) from transactions.ledger_accounts as ledger
        left join accounts.balances as shown on shown.account_id = ledger.id
        where ledger.owner_id is not null and ledger.version > coalesce(shown.version, 0)) as stale,
       array(select distinct owner_id from transactions.entries
        join transactions.ledger_accounts as account on account.id = account_id
        where transaction_id = (select id from newest) and owner_id is not null)::text[] as owners`,
  );
  const { stale = '0', newest = null, owners = [] } = rows[0] ?? {};
  if (newest === null) return Number(stale);
  const told = await client.query(
    `select distinct owner from unnest($1::uuid[]) as owner cross join lateral (
       select data from notification.notifications where user_id = owner order by id desc limit 100
     ) as notice where data ->> 'transaction' = $2`,
    [owners, formatId('txn', newest)],
  );
  return Number(stale) + owners.length - (told.rowCount ?? 0);
}

/** Waits until every consumer has every event. Returns the seconds that took; undefined when they were not enough. */
export function untilDrained(databaseUrl: string, limitSeconds: number): Promise<number | undefined> {
  return withClient(databaseUrl, async (client) => {
    const start = performance.now();
    for (;;) {
      const pending = await pendingEvents(client);
      const seconds = (performance.now() - start) / 1000;
      if (pending <= 0) return seconds;
      if (seconds > limitSeconds) return undefined;
      await sleep(100);
    }
  });
}

/** How far behind the consumers were, in seconds: the worst moment of each. */
export interface EventLag {
  readonly accounts: number;
  readonly notification: number;
}

/** A transaction that was the newest when it was seen, with one of its entries. */
interface Seen {
  readonly id: string;
  readonly account: string;
  readonly version: string;
  readonly owner: string;
}

/** One that a consumer has not dealt with yet is waiting in it. */
interface Waiting {
  readonly accounts: readonly Seen[];
  readonly notification: readonly Seen[];
}

const lookEveryMs = 100;

/**
 * Watches the consumers until `running` has ended, by the newest transaction of every tenth of a second. The lag of a moment
 * is the age of the oldest of these that a consumer has not dealt with: events come in order, so nothing older is waiting.
 * It asks for single rows by key, so that watching costs next to nothing.
 */
export function watchLag(databaseUrl: string, running: Promise<unknown>): Promise<EventLag> {
  return withClient(databaseUrl, async (client) => {
    let ended = false;
    const end = () => {
      ended = true;
    };
    running.then(end, end);
    let waiting: Waiting = { accounts: [], notification: [] };
    let worst: EventLag = { accounts: 0, notification: 0 };
    while (!ended) {
      waiting = await stillWaiting(client, waiting);
      worst = {
        accounts: Math.max(worst.accounts, ageOf(waiting.accounts)),
        notification: Math.max(worst.notification, ageOf(waiting.notification)),
      };
      const newest = await newestTransaction(client);
      waiting = {
        accounts: [...waiting.accounts, ...newest],
        notification: [...waiting.notification, ...newest],
      };
      await sleep(lookEveryMs);
    }
    return worst;
  });
}

function ageOf([oldest]: readonly Seen[]): number {
  return oldest === undefined ? 0 : Math.max(0, Date.now() - timeOf(oldest.id)) / 1000;
}

async function newestTransaction(client: pg.Client): Promise<Seen[]> {
  const { rows } = await client.query<Seen>(
    `select newest.id, account.id as account, entry.version::text as version, account.owner_id as owner
     from (select id, debit_account_id from transactions.transactions order by id desc limit 1) as newest
     join transactions.entries as entry
       on entry.transaction_id = newest.id and entry.account_id = newest.debit_account_id
     join transactions.ledger_accounts as account on account.id = entry.account_id
     where account.owner_id is not null`,
  );
  return rows;
}

async function stillWaiting(client: pg.Client, { accounts, notification }: Waiting): Promise<Waiting> {
  const balances = await client.query<{ place: number }>(
    `select place::int from unnest($1::uuid[], $2::bigint[]) with ordinality as seen (account, version, place)
     left join accounts.balances on account_id = seen.account
     where coalesce(balances.version, 0) < seen.version order by place`,
    [accounts.map((one) => one.account), accounts.map((one) => one.version)],
  );
  const notices = await client.query<{ transaction: string | null }>(
    `select notice.transaction from unnest($1::uuid[]) with ordinality as seen (owner, place)
     left join lateral (
       select data ->> 'transaction' as transaction from notification.notifications
       where user_id = seen.owner order by id desc limit 1
     ) as notice on true order by place`,
    [notification.map((one) => one.owner)],
  );
  return {
    accounts: balances.rows.flatMap(({ place }) => accounts[place - 1] ?? []),
    notification: notification.filter((one, index) => {
      const newest = notices.rows[index]?.transaction ?? null;
      return newest === null || timeOf(parseId('txn', newest)) < timeOf(one.id);
    }),
  };
}

/** Milliseconds since the epoch, which a UUIDv7 begins with. */
function timeOf(uuid: string | undefined): number {
  return Number.parseInt((uuid ?? '').replace('-', '').slice(0, 12), 16) || 0;
}
