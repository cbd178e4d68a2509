import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { eventually } from '@florin/testing';
import type pg from 'pg';
import { withClient } from './servers.ts';
import type { Stage } from './stage.ts';

const run = promisify(execFile);

/**
 * Waits until nothing is under way any more: every process is ready, payments and holds have ended, all events are
 * published and consumed, all transactions sealed.
 *
 * @returns seconds from the call until all events were consumed
 * @throws Error that says what is not over
 */
export async function untilAtRest(stage: Stage, limitMs: number): Promise<number> {
  const startedAt = Date.now();
  const left = () => ({ timeoutMs: Math.max(1000, limitMs - (Date.now() - startedAt)), intervalMs: 250 });
  const urls = [...stage.fleet.processes.map(({ url }) => url), stage.replica.url];
  await Promise.all(urls.map((url) => eventually(() => untilReady(url), left())));
  return await withClient(stage.servers.database.url, async (client) => {
    await eventually(() => none(client, 'payments are pending', pendingPayments), left());
    await eventually(() => none(client, 'holds are active', activeHolds), left());
    for (const schema of await schemasWithOutbox(client)) {
      const rows = `select count(*)::int as count from ${schema}.outbox`;
      await eventually(() => none(client, `events are in the outbox of ${schema}`, rows), left());
    }
    await eventually(() => none(client, 'events wait for notification', waitingEvents), left());
    await eventually(() => none(client, 'balances are not yet projected', staleBalances), left());
    await eventually(() => nothingQueued(stage), left());
    const seconds = (Date.now() - startedAt) / 1000;
    await eventually(() => none(client, 'transactions are not sealed', unsealed), left());
    return seconds;
  });
}

const pendingPayments = "select count(*)::int as count from transactions.payments where status = 'pending'";
const activeHolds = "select count(*)::int as count from transactions.holds where status = 'active'";
// Each owner with a side in a transaction is told of it.
const waitingEvents = `
  select greatest(0,
    (select count(*) from (
      select distinct transaction_id, owner_id from transactions.entries
      join transactions.ledger_accounts as account on account.id = account_id where owner_id is not null) as sides) -
    (select count(*) from notification.notifications where topic = 'transaction.posted'))::int as count`;
const unsealed = `
  select ((select count(*) from transactions.transactions) -
    (select coalesce(sum(size), 0) from transactions.ledger_seals))::int as count`;

/** Messages in each of RabbitMQ's queues, those of dead letters and of retries too. */
export async function queueDepths({
  current: { control, environment },
}: NonNullable<Stage['servers']['rabbitmq']>): Promise<{ name: string; count: number }[]> {
  const { stdout } = await run(control, ['-q', 'list_queues', '--no-table-headers', 'name', 'messages'], {
    env: environment,
    timeout: 30_000,
  });
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.split('\t'))
    .map(([name = '', count]) => ({ name, count: Number(count) }));
}

/** What was published again, after a confirm that did not come, arrives after everything has had its effect. */
async function nothingQueued({ servers }: Stage): Promise<void> {
  if (servers.rabbitmq === undefined) return;
  const depths = await queueDepths(servers.rabbitmq);
  const waiting = depths.filter(({ name, count }) => count > 0 && !name.endsWith('.dead'));
  if (waiting.length > 0) throw new Error(`Messages wait in ${waiting.map(({ name }) => name).join(', ')}`);
}

/** Balances of customers that the service accounts shows otherwise than the ledger. */
export const staleBalances = `
  select count(*)::int as count
  from transactions.ledger_accounts as ledger left join accounts.balances as shown on shown.account_id = ledger.id
  where ledger.owner_id is not null and (coalesce(shown.posted, 0), coalesce(shown.held, 0), coalesce(shown.version, 0))
    is distinct from (ledger.posted, ledger.held, ledger.version)`;

/** Schemas of services that publish events. */
export async function schemasWithOutbox(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ schema: string }>(
    "select schemaname as schema from pg_tables where tablename = 'outbox'",
  );
  return rows.map(({ schema }) => schema);
}

async function none(client: pg.Client, what: string, statement: string): Promise<void> {
  const { rows } = await client.query<{ count: number }>(statement);
  const count = rows[0]?.count ?? 0;
  if (count > 0) throw new Error(`${count} ${what}`);
}

async function untilReady(url: string): Promise<void> {
  const reply = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2000) });
  if (!reply.ok) throw new Error(`${url} is not ready: ${await reply.text()}`);
}
