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

/**
 * Watches the consumers until `running` has ended. The lag of a moment is the time between the newest posted transaction
 * and the newest that the consumer has dealt with: events come in order, so nothing older is waiting.
 */
export function watchLag(databaseUrl: string, running: Promise<unknown>): Promise<EventLag> {
  return withClient(databaseUrl, async (client) => {
    let ended = false;
    const end = () => {
      ended = true;
    };
    running.then(end, end);
    let worst: EventLag = { accounts: 0, notification: 0 };
    while (!ended) {
      const now = await currentLag(client);
      worst = {
        accounts: Math.max(worst.accounts, now.accounts),
        notification: Math.max(worst.notification, now.notification),
      };
      await sleep(200);
    }
    return worst;
  });
}

async function currentLag(client: pg.Client): Promise<EventLag> {
  // The consumers first: what is posted meanwhile makes the lag longer, never shorter.
  const { rows } = await client.query<{ notified: string | null; projected: Date | null }>(
    `select (select notice.data ->> 'transaction' from identity.users cross join lateral (
         select id, data from notification.notifications where user_id = users.id order by id desc limit 1
       ) as notice order by notice.id desc limit 1) as notified,
       (select max(as_of) from accounts.balances) as projected`,
  );
  const posted = await client.query<{ id: string }>(
    'select id from transactions.transactions order by id desc limit 1',
  );
  const newest = timeOf(posted.rows[0]?.id);
  const { notified = null, projected = null } = rows[0] ?? {};
  const notifiedAt = notified === null ? newest : timeOf(parseId('txn', notified));
  return {
    accounts: Math.max(0, newest - (projected?.getTime() ?? newest)) / 1000,
    notification: Math.max(0, newest - notifiedAt) / 1000,
  };
}

/** Milliseconds since the epoch, which a UUIDv7 begins with. */
function timeOf(uuid: string | undefined): number {
  return Number.parseInt((uuid ?? '').replace('-', '').slice(0, 12), 16) || 0;
}
