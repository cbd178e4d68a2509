import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** What is watched while money moves. */
export interface BankReadsOptions {
  /** A superuser's address of the ledger's database, not by the proxy. */
  readonly databaseUrl: string;
  /** Where the trial balance is asked for, in turns. */
  readonly urls: readonly string[];
  /** An operator. */
  readonly operator: { readonly token: string };
  /** Nothing comes into this currency and nothing leaves it. */
  readonly closedCurrency: string;
}

/** Reads of the whole bank, made all the time. */
export interface BankReads {
  /** Reads that were answered. */
  readonly counts: { sql: number; trialBalance: number };
  readonly violations: string[];
  stop(): Promise<void>;
}

interface CurrencyTotals {
  readonly currency: string;
  /** Of all accounts, and of those of customers; text. */
  readonly total: string;
  readonly owed: string;
}

interface TrialBalance {
  readonly accounts: readonly { readonly class: string; readonly currency: string; readonly balance: string }[];
  readonly totals: readonly { readonly currency: string; readonly total: string }[];
}

/**
 * Begins to read, each time in one snapshot: every currency must come to 0, and what customers have in the closed
 * currency must stay what it was at the beginning (I11). A read that is not answered proves nothing.
 *
 * @throws Error when the first read is not answered
 */
export async function startBankReads(options: BankReadsOptions): Promise<BankReads> {
  const { databaseUrl, urls, operator, closedCurrency } = options;
  const counts = { sql: 0, trialBalance: 0 };
  const violations: string[] = [];
  const expect = (where: string, what: string, found: string, wanted: string) => {
    if (found !== wanted) violations.push(`I11: ${where} has ${found} ${what}, not ${wanted}`);
  };
  const owedOf = (totals: readonly CurrencyTotals[]) =>
    totals.find(({ currency }) => currency === closedCurrency)?.owed ?? 'nothing';
  const owed = owedOf(await readTotals(databaseUrl));
  const owedDecimal = `${owed.slice(0, -2)}.${owed.slice(-2)}`;
  let running = true;
  let turn = 0;

  const bySql = async () => {
    const totals = await readTotals(databaseUrl);
    for (const { currency, total } of totals) expect('a sum by SQL', `${currency} in all`, total, '0');
    expect('a sum by SQL', `${closedCurrency} of customers`, owedOf(totals), owed);
    counts.sql += 1;
  };
  const byHttp = async () => {
    turn += 1;
    const url = urls[turn % urls.length] ?? '';
    const reply = await fetch(new URL('/v1/ledger/trial-balance', url), {
      headers: { authorization: `Bearer ${operator.token}` },
      signal: AbortSignal.timeout(5000),
    });
    if (!reply.ok) throw new Error(`${url} answered ${reply.status}`);
    const { accounts, totals } = (await reply.json()) as TrialBalance;
    for (const { currency, total } of totals) expect('a trial balance', `${currency} in all`, total, '0.00');
    const row = accounts.find((one) => one.class === 'liability' && one.currency === closedCurrency);
    expect('a trial balance', `${closedCurrency} of customers`, row?.balance ?? 'nothing', owedDecimal);
    counts.trialBalance += 1;
  };
  const repeat = async (read: () => Promise<void>) => {
    while (running) {
      await read().catch(() => {});
      await sleep(150);
    }
  };
  const loops = [repeat(bySql), repeat(byHttp)];
  return {
    counts,
    violations,
    stop: async () => {
      running = false;
      await Promise.all(loops);
    },
  };
}

async function readTotals(databaseUrl: string): Promise<CurrencyTotals[]> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 2000, query_timeout: 5000 });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<CurrencyTotals>(
      `select currency, sum(posted)::text as total,
         coalesce(sum(posted) filter (where owner_id is not null), 0)::text as owed
       from transactions.ledger_accounts group by currency`,
    );
    return rows;
  } finally {
    client.end().catch(() => {});
  }
}
