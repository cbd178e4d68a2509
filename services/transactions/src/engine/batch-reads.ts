import type { QueryResult, QueryResultRow } from 'pg';
import { type KeptAnswer, keyOf } from './batch-decision.ts';
import {
  findTransactions,
  type LimitRow,
  lockAccounts,
  lockHolds,
  lockPayments,
  readAnswers,
  readLimits,
  readReversed,
  type Statement,
} from './batch-statements.ts';
import type { Command, PaymentState } from './command.ts';
import { lockSeconds } from './engine-metrics.ts';
import type { BatchLane } from './lane.ts';
import { periodsAround, type ReadLimits } from './limits.ts';
import type { WaitingCommand } from './waiting-command.ts';
import type { FurtherRows, LockedAccount } from './working-ledger.ts';

/** All that a batch is decided on. */
export interface ReadRows extends FurtherRows {
  readonly accounts: LockedAccount[];
  readonly payments: PaymentState[];
  readonly answers: Map<string, KeptAnswer>;
  /** Transactions of a doubtful commit that are there. */
  readonly found: Set<string>;
}

/** Begins the batch's transaction, locks and reads, in one round trip. What no command asks for is not asked. */
export async function lockAndRead(lane: BatchLane, items: readonly WaitingCommand[], now: Date): Promise<ReadRows> {
  const statements: Statement<QueryResultRow>[] = [];
  const send = <Row extends QueryResultRow>(ids: readonly unknown[], statement: () => Statement<Row>) => {
    if (ids.length === 0) return (): Row[] => [];
    const place = statements.push(statement()) - 1;
    return (results: QueryResult[]): Row[] => results[place]?.rows ?? [];
  };
  const commands = items.map((item) => item.command);
  const ids = idsOf(commands);
  const keys = commands.flatMap((command) => command.idempotency ?? []);
  const doubtful = items.flatMap((item) => item.pending?.transactionIds ?? []);
  const answerRows = send(keys, () => readAnswers(keys));
  const accountRows = send(ids.accounts, () => lockAccounts(ids.accounts));
  const paymentRows = send(ids.payments, () => lockPayments(ids.payments));
  const holdRows = send(ids.holds, () => lockHolds(ids.holds));
  const limitRows = send(ids.limitsOf, () => readLimits(ids.limitsOf, periodsAround(now)));
  const reversedRows = send(ids.reversalsOf, () => readReversed(ids.reversalsOf));
  const foundRows = send(doubtful, () => findTransactions(doubtful));
  const endTimer = lockSeconds.startTimer();
  const results = await lane.begin(statements);
  endTimer();
  return {
    accounts: accountRows(results),
    payments: paymentRows(results),
    holds: holdRows(results),
    limits: limitsFrom(limitRows(results)),
    reversed: reversedRows(results),
    answers: new Map(answerRows(results).map((row) => [keyOf(row), row])),
    found: new Set(foundRows(results).map((row) => row.id)),
  };
}

function idsOf(commands: readonly Command[]) {
  const unique = (of: (command: Command) => readonly string[] | undefined) => [
    ...new Set(commands.flatMap((command) => of(command) ?? [])),
  ];
  return {
    accounts: unique((command) => command.accounts),
    payments: unique((command) => command.payments),
    holds: unique((command) => command.holds),
    limitsOf: unique((command) => command.limitsOf),
    reversalsOf: unique((command) => command.reversalsOf),
  };
}

/** Groups the rows by account. */
export function limitsFrom(rows: readonly LimitRow[]): Iterable<ReadLimits> {
  const limits = new Map<string, ReadLimits & { uses: Map<string, bigint> }>();
  for (const { accountId, perTransaction, daily, monthly, period, used } of rows) {
    const found = limits.get(accountId) ?? { accountId, perTransaction, daily, monthly, uses: new Map() };
    if (period !== null && used !== null) found.uses.set(period, used);
    limits.set(accountId, found);
  }
  return limits.values();
}
