import type { SerializedEvent } from '@florin/database';
import { problem } from '@florin/service';
import type {
  Answer,
  Command,
  Decision,
  Idempotency,
  PaymentChange,
  PostedTransaction,
  SubmittedAnswer,
} from './command.ts';
import type { Hold } from './hold.ts';
import type { NewRow } from './insertable-tables.ts';
import type { PeriodUse } from './limits.ts';
import { LedgerLawError, type LockedAccount, type WorkingLedger } from './working-ledger.ts';

/** An answer as kept under its key. */
export interface KeptAnswer extends Idempotency, Answer {}

/** What became of one command: an answer to give once the batch is committed, or the error to fail it with. */
export type Outcome =
  | { readonly kind: 'applied'; readonly answer: SubmittedAnswer; readonly transactionIds: readonly string[] }
  | { readonly kind: 'refused' | 'replayed'; readonly answer: SubmittedAnswer }
  | { readonly kind: 'failed'; readonly error: unknown };

/** All rows that the batch adds or changes. */
export interface BatchWrites {
  readonly accounts: readonly LockedAccount[];
  readonly transactions: readonly PostedTransaction[];
  readonly payments: readonly PaymentChange[];
  readonly newHolds: readonly Hold[];
  readonly changedHolds: readonly Hold[];
  readonly limitUses: readonly PeriodUse[];
  readonly rows: readonly NewRow[];
  readonly answers: readonly KeptAnswer[];
  readonly events: readonly SerializedEvent[];
}

/** What a batch comes to: `outcomes[i]` belongs to `commands[i]`. */
export interface BatchDecision {
  readonly outcomes: readonly Outcome[];
  readonly writes: BatchWrites;
}

/** The place of a key in a Map. Callers' ids hold no blank. */
export function keyOf({ caller, key }: Pick<Idempotency, 'caller' | 'key'>): string {
  return `${caller} ${key}`;
}

/**
 * Decides the commands one after the other, each seeing the effect of those before. `kept` holds the answers already
 * in the database for the keys of this batch, by `keyOf`. No I/O; a command whose rule throws fails alone.
 */
export function decideBatch(
  commands: readonly Command[],
  ledger: WorkingLedger,
  kept: ReadonlyMap<string, KeptAnswer>,
): BatchDecision {
  const answers = new Map<string, KeptAnswer>();
  const transactions: PostedTransaction[] = [];
  const payments = new Map<string, PaymentChange>();
  const rows: NewRow[] = [];
  const events: SerializedEvent[] = [];
  const outcomes = commands.map((command): Outcome => {
    const { idempotency } = command;
    const place = idempotency && keyOf(idempotency);
    const earlier = place === undefined ? undefined : (kept.get(place) ?? answers.get(place));
    if (earlier) return replay(command, earlier);
    try {
      const state = ledger.stateFor(command);
      const decision = command.decide(state);
      assertAnswer(decision);
      if (decision.outcome === 'applied') {
        ledger.apply(command, decision, state.now);
        transactions.push(...decision.transactions);
        for (const change of decision.payments ?? [])
          payments.set(change.id, { ...payments.get(change.id), ...change });
        rows.push(...(decision.rows ?? []));
        events.push(...decision.events);
      }
      if (idempotency && place !== undefined && 'answer' in decision) {
        answers.set(place, { ...idempotency, status: decision.answer.status, body: decision.answer.body });
      }
      return outcomeOf(decision);
    } catch (error) {
      return { kind: 'failed', error };
    }
  });
  const writes = {
    accounts: ledger.changedAccounts(),
    transactions,
    payments: [...payments.values()],
    newHolds: ledger.newHolds(),
    changedHolds: ledger.changedHolds(),
    limitUses: ledger.limitUses(),
    rows,
    answers: [...answers.values()],
    events,
  };
  return { outcomes, writes };
}

function replay({ idempotency }: Command, earlier: KeptAnswer): Outcome {
  if (!idempotency?.fingerprint.equals(earlier.fingerprint)) {
    const error = problem('idempotency_key_reused', 'This Idempotency-Key was used for another request.');
    return { kind: 'failed', error };
  }
  return { kind: 'replayed', answer: { status: earlier.status, body: earlier.body, replayed: true } };
}

function outcomeOf(decision: Decision): Outcome {
  if ('error' in decision) return { kind: 'failed', error: decision.error };
  const { status, body } = decision.answer;
  const answer = { status, body, replayed: false };
  if (decision.outcome === 'refused') return { kind: 'refused', answer };
  return { kind: 'applied', answer, transactionIds: decision.transactions.map((transaction) => transaction.id) };
}

function assertAnswer(decision: Decision): void {
  if ('error' in decision) return;
  const { status } = decision.answer;
  if (status === 422 || (status >= 200 && status <= 299)) return;
  throw new LedgerLawError(`A rule answered ${status}: only 2xx and 422 are answers, the rest are errors`);
}
