import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createDatabase, createPool } from '@florin/database';
import { homeFiles } from '@florin/local';
import { eventually } from '@florin/testing';
import type pg from 'pg';
import { ledgerViolations } from '../../../../services/transactions/src/model/invariants.ts';
import type { Tables } from '../../../../services/transactions/src/tables.ts';
import { root } from '../repository.ts';
import { historyViolations } from './history-check.ts';
import { logViolations } from './logs.ts';
import { queueDepths, schemasWithOutbox, staleBalances } from './rest.ts';
import { type RowMark, rowViolations } from './row-mark.ts';
import { withClient } from './servers.ts';
import type { Stage } from './stage.ts';

const run = promisify(execFile);

/** What was noted before and during a run. */
export interface Evidence {
  /** File of its history, closed. */
  readonly history: string;
  /** Number of a database transaction before its first. */
  readonly since: string;
  readonly mark: RowMark | undefined;
}

/** Everything of the list of invariants that can be seen from outside, of a fleet at rest; empty when all is well. */
export async function allViolations(stage: Stage, { history, since, mark }: Evidence): Promise<string[]> {
  const inDatabase = withClient(stage.servers.database.url, async (client) => [
    ...(await historyViolations(client, history, since)),
    ...(await eventViolations(client)),
    ...(await stuckViolations(client)),
    ...(await rowViolations(client, mark)),
    ...(await connectionViolations(client, 10_000)),
  ]);
  const found = await Promise.all([
    bookViolations(stage),
    inDatabase,
    deadLetterViolations(stage),
    sealViolations(stage),
    metricViolations(stage),
    logViolations(stage),
  ]);
  return found.flat();
}

/** I1 to I4, I10 and a part of I14. */
async function bookViolations({ servers }: Stage): Promise<string[]> {
  const pool = createPool({
    ...{ url: servers.database.url, schema: 'transactions', applicationName: 'faults', max: 1 },
    statementTimeoutMs: 0,
  });
  const db = createDatabase<Tables>(pool);
  try {
    return (await ledgerViolations(db, new Date())).map(({ invariant, subject }) => `${invariant}: ${subject}`);
  } finally {
    await db.destroy();
  }
}

/** I8 and I9: everything published, and at each consumer what one delivery of each event makes. */
async function eventViolations(client: pg.Client): Promise<string[]> {
  const violations: string[] = [];
  const count = async (text: string) => (await client.query<{ count: number }>(text)).rows[0]?.count ?? 0;
  for (const schema of await schemasWithOutbox(client)) {
    const left = await count(`select count(*)::int as count from ${schema}.outbox`);
    if (left > 0) violations.push(`I8: ${left} events are in the outbox of ${schema}`);
  }
  const stale = await count(staleBalances);
  if (stale > 0) violations.push(`I9: the service accounts shows ${stale} balances that the ledger does not have`);
  const { rows } = await client.query<{ text: string }>(wrongNotices);
  return [...violations, ...rows.map(({ text }) => text)];
}

// Each owner with a side in a transaction has one notice of it. A notice names the transaction as the API does, so that
// only numbers can be compared.
const wrongNotices = `
  with due as (
    select count(*) as count from (
      select distinct transaction_id, owner_id from transactions.entries
      join transactions.ledger_accounts as account on account.id = account_id where owner_id is not null) as sides
  ), told as (
    select count(*) as count, count(distinct (data ->> 'transaction', user_id)) as distinct_count
    from notification.notifications where topic = 'transaction.posted'
  )
  select 'I9: ' || due.count || ' notices are due, ' || told.count || ' are there, ' || told.distinct_count || ' of them once'
    as text
  from due, told where due.count <> told.count or told.count <> told.distinct_count`;

/** I14. */
async function stuckViolations(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ text: string }>(`
    select 'I14: hold ' || id || ' is still active' as text from transactions.holds where status = 'active'
    union all
    select 'I14: payment ' || id || ' is ' || status from transactions.payments where status <> 'posted'
    union all
    select 'I14: key ' || key || ' has no answer' from transactions.idempotency_keys where status is null limit 20`);
  return rows.map(({ text }) => text);
}

/** I15: what a process that was killed or frozen left open is gone, and no pool has grown. */
export async function connectionViolations(client: pg.Client, patienceMs: number): Promise<string[]> {
  const mostPerApplication = 25;
  const look = async () => {
    const { rows } = await client.query<{ text: string }>(`
      select 'I15: ' || application_name || ' is ' || state as text from pg_stat_activity
      where state like 'idle in transaction%' and now() - state_change > interval '1 s'
      union all
      select 'I15: ' || application_name || ' has ' || count(*) || ' connections' from pg_stat_activity
      where backend_type = 'client backend' group by application_name having count(*) > ${mostPerApplication}`);
    return rows.map(({ text }) => text);
  };
  const found = await eventually(
    async () => {
      const texts = await look();
      if (texts.length > 0) throw new Error(texts.join('; '));
      return texts;
    },
    { timeoutMs: patienceMs, intervalMs: 250 },
  ).catch(look);
  return found;
}

/** I8: nothing was given up, nothing waits. */
async function deadLetterViolations({ servers }: Stage): Promise<string[]> {
  if (servers.rabbitmq === undefined) {
    return await withClient(servers.database.url, async (client) => {
      const { rows } = await client.query<{ text: string }>(
        "select 'I8: a dead letter of ' || queue as text from bus.dead_letters",
      );
      return rows.map(({ text }) => text);
    });
  }
  const queues = await queueDepths(servers.rabbitmq);
  if (queues.length < 3) return [`I8: RabbitMQ tells of ${queues.length} queues only`];
  return queues.flatMap(({ name, count }) => (count === 0 ? [] : [`I8: ${count} messages are in ${name}`]));
}

/** I12, by the program that operators use. */
async function sealViolations({ servers, fleet }: Stage): Promise<string[]> {
  const secrets = JSON.parse(readFileSync(homeFiles(fleet.home).secrets, 'utf8')) as Record<string, string>;
  const env = {
    PATH: process.env.PATH,
    DATABASE_URL: servers.database.url,
    LEDGER_SEAL_KEY: secrets['transactions.seals'],
  };
  const program = join(root, 'services/transactions/src/verify.ts');
  const verdict = await run(process.execPath, [program], { env }).catch((error: { stderr?: string }) => ({
    stdout: error.stderr ?? String(error),
  }));
  const line = verdict.stdout.trim();
  return /^sound: .*, [1-9]\d* seals; 0 not sealed yet$/.test(line) ? [] : [`I12: ${line}`];
}

/** The ledger's own checker has run and found nothing. */
async function metricViolations({ ledgers }: Stage): Promise<string[]> {
  const texts = await Promise.all(ledgers.map(async ({ url }) => await (await fetch(`${url}/metrics`)).text()));
  return texts.flatMap((text) => {
    const found = text.split('\n').filter((line) => line.startsWith('ledger_invariant_violations{'));
    const wrong = found.filter((line) => !line.endsWith(' 0'));
    return found.length === 0 ? ['the ledger tells nothing of its invariants'] : wrong;
  });
}
