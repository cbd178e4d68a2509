import type { QueryResultRow } from 'pg';
import { type KeptAnswer, keyOf } from './batch-decision.ts';
import {
  findTransactions,
  type LimitColumns,
  lockAccounts,
  lockHolds,
  lockPayments,
  readAnswers,
  readLimitUses,
  readReversed,
  type Statement,
  type UseRow,
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
  /** Where the accounts' rows are while they are locked, by id. */
  readonly places: Map<string, string>;
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
    return (results: readonly QueryResultRow[][]) => (results[place] ?? []) as Row[];
  };
  const commands = items.map((item) => item.command);
  const ids = idsOf(commands);
  const keys = commands.flatMap((command) => command.idempotency ?? []);
  const doubtful = items.flatMap((item) => item.pending?.transactionIds ?? []);
  const answerRows = send(keys, () => readAnswers(keys));
  const accountRows = send(ids.accounts, () => lockAccounts(ids.accounts));
  const paymentRows = send(ids.payments, () => lockPayments(ids.payments));
  const holdRows = send(ids.holds, () => lockHolds(ids.holds));
  const useRows = send(ids.limitsOf, () => readLimitUses(ids.limitsOf, periodsAround(now)));
  const reversedRows = send(ids.reversalsOf, () => readReversed(ids.reversalsOf));
  const foundRows = send(doubtful, () => findTransactions(doubtful));
  const endTimer = lockSeconds.startTimer();
  const results = await lane.begin(statements);
  endTimer();
  const accounts = accountRows(results);
  return {
    accounts,
    places: new Map(accounts.map((row) => [row.id, row.rowPlace])),
    payments: paymentRows(results),
    holds: holdRows(results),
    limits: limitsFrom(accounts, ids.limitsOf, useRows(results)),
    reversed: reversedRows(results),
    answers: new Map(answerRows(results).map((row) => [keyOf(row), row])),
    found: new Set(foundRows(results).map((row) => row.id)),
  };
}

function idsOf(commands: readonly Command[]) {
  const unique = (of: (command: Command) => readonly string[] | undefined) => {
    const ids = new Set<string>();
    for (const command of commands) for (const id of of(command) ?? []) ids.add(id);
    return [...ids];
  };
  return {
    accounts: unique((command) => command.accounts),
    payments: unique((command) => command.payments),
    holds: unique((command) => command.holds),
    limitsOf: unique((command) => command.limitsOf),
    reversalsOf: unique((command) => command.reversalsOf),
  };
}

/** The limits of those accounts that have any, with what is used of them. `limitsOf`: ids of the accounts whose uses were read. */
export function limitsFrom(
  accounts: readonly ({ readonly id: string } & LimitColumns)[],
  limitsOf: readonly string[],
  useRows: readonly UseRow[],
): Iterable<ReadLimits> {
  const wanted = new Set(limitsOf);
  const limits = new Map<string, ReadLimits & { uses: Map<string, bigint> }>();
  for (const { id: accountId, perTransaction, daily, monthly } of accounts) {
    if ((perTransaction ?? daily ?? monthly) === null || !wanted.has(accountId)) continue;
    limits.set(accountId, { accountId, perTransaction, daily, monthly, uses: new Map() });
  }
  for (const { accountId, period, used } of useRows) limits.get(accountId)?.uses.set(period, used);
  return limits.values();
}
