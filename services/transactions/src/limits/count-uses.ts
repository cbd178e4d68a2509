import type { Transaction } from '@florin/database';
import { firstUuidAt } from '@florin/service';
import { sql } from 'kysely';
import { periodsOf } from '../engine/limits.ts';
import type { Tables } from '../tables.ts';

/** What counts when it is posted; a withdrawal counts when it is asked for, whatever becomes of it. */
const countedTypes = ['transfer', 'conversion'];
// A transaction may be as old as the wait for its approval when it is posted; ids are in the order of creation.
const oldestMs = 31 * 86_400_000;

/**
 * Counts what has left the account, or was asked to, in this day and month (UTC) already. An account without limits is not counted, so this
 * is done when it gets its first ones. The account must be locked.
 */
export async function countUses(tx: Transaction<Tables>, accountId: string, now: Date): Promise<void> {
  const { day, month } = periodsOf(now);
  const monthStart = new Date(`${month}-01T00:00:00.000Z`);
  const dayStart = new Date(`${day}T00:00:00.000Z`);
  await sql`
    insert into limit_uses (account_id, period, used)
    select ${accountId}::uuid, period, coalesce(sum(amount) filter (where at >= since), 0)::bigint
    from (values (${day}, ${dayStart}::timestamptz), (${month}, ${monthStart}::timestamptz)) as periods (period, since)
    left join (
      select amount, posted_at as at from transactions
      where debit_account_id = ${accountId} and id >= ${firstId(monthStart)} and type = any (${countedTypes})
      union all
      select amount, created_at from payments
      where account_id = ${accountId} and id >= ${firstId(monthStart)} and type = 'withdrawal'
    ) as counted on at >= ${monthStart}
    group by period
    on conflict (account_id, period) do update set used = excluded.used`.execute(tx);
}

/** Not above any UUIDv7 made so long before `start` that it could be posted after it. */
function firstId(start: Date): string {
  return firstUuidAt(start.getTime() - oldestMs);
}
