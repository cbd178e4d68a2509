import type { SerializedEvent } from '@florin/database';
import type { Context } from '@opentelemetry/api';
import type { Hold } from './hold.ts';
import type { NewRow } from './insertable-tables.ts';
import type { AccountLimits, LimitUse } from './limits.ts';

/** Where a ledger account stands in its life. Only `active` accounts may be debited; a `frozen` one may still receive. */
export type LedgerAccountStatus = 'active' | 'frozen' | 'closed';

/**
 * A ledger account as it stands for the command being decided: locked in the database, with every earlier command of
 * the same batch already counted in. Amounts are minor units of `currency`.
 */
export interface LedgerAccount {
  readonly id: string;
  /** uuid of the customer; null for system accounts. */
  readonly ownerId: string | null;
  /** Public name of a system account, such as `external:sandbox`; null for customers' accounts. */
  readonly name: string | null;
  readonly accountNumber: string | null;
  readonly currency: string;
  readonly status: LedgerAccountStatus;
  readonly posted: bigint;
  /** Sum of the account's active holds. */
  readonly held: bigint;
  /** Counts the changes of `held`: tells the newest of several reports about it. */
  readonly heldVersion: bigint;
  /** Number of the account's last entry; entries count from 1 without a gap. */
  readonly version: bigint;
  /** `posted - held` may not fall below this; null means no floor. */
  readonly floor: bigint | null;
}

/** A deposit's or withdrawal's row, locked, as far as rules decide on it. */
export interface PaymentState {
  readonly id: string;
  readonly type: 'deposit' | 'withdrawal';
  readonly accountId: string;
  readonly ownerId: string;
  readonly amount: bigint;
  readonly currency: string;
  readonly status: PaymentStatus;
  readonly provider: string;
  readonly providerReference: string | null;
  readonly description: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: Date;
}

export type PaymentStatus = 'pending' | 'posted' | 'failed';

/** All that a rule may know. Reading it twice gives the same; a rule has no other source of truth. */
export interface LedgerState {
  /** The one instant of this decision: never before the last entry of any account named by the command. */
  readonly now: Date;
  /** The locked account, or undefined where there is none with that id. Throws for an id the command didn't name. */
  account(id: string): LedgerAccount | undefined;
  /** The locked payment, or undefined where there is none with that id. Throws for an id the command didn't name. */
  payment(id: string): PaymentState | undefined;
  /** The locked hold, or undefined where there is none with that id. Throws for an id the command didn't name. */
  hold(id: string): Hold | undefined;
  /** Undefined for an account without any limit. Throws for an id the command didn't name in both `accounts` and `limitsOf`. */
  limits(accountId: string): AccountLimits | undefined;
  /**
   * A posted transaction and what of it is reversed already; undefined where there is none with that id. Throws for an
   * id the command didn't name in `reversalsOf`.
   */
  reversed(transactionId: string): ReversedTransaction | undefined;
}

/** A posted transaction as far as its reversal must know it. */
export interface ReversedTransaction {
  readonly id: string;
  readonly type: TransactionType;
  /** Minor units of `currency`. */
  readonly amount: bigint;
  readonly currency: string;
  readonly debitAccountId: string;
  readonly creditAccountId: string;
  readonly holdId: string | null;
  readonly initiatedBy: string;
  /** Sum of its reversals so far, minor units. */
  readonly reversedAmount: bigint;
}

/** One leg of a transaction: `amount` is signed from the account holder's view, + is money in. Never zero. */
export interface Posting {
  readonly account: string;
  readonly amount: bigint;
}

/** A posting with its place in the account's history; made by `entriesFor`, never by hand. */
export interface Entry extends Posting {
  readonly currency: string;
  readonly balanceAfter: bigint;
  readonly version: bigint;
}

export type TransactionType = 'transfer' | 'deposit' | 'withdrawal' | 'reversal' | 'conversion' | 'fee' | 'interest';

/** An immutable row of `transactions`. `entries` must sum to 0 in each currency; the engine refuses anything else. */
export interface PostedTransaction {
  readonly id: string;
  readonly type: TransactionType;
  /** Always positive, minor units of `currency`. */
  readonly amount: bigint;
  readonly currency: string;
  /** The account that gives (entry < 0) and the one that receives (entry > 0). */
  readonly debitAccountId: string;
  readonly creditAccountId: string;
  readonly description: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly reversalOf: string | null;
  readonly holdId: string | null;
  /** `usr_…` or `service:<name>`. */
  readonly initiatedBy: string;
  readonly traceId: string | null;
  readonly createdAt: Date;
  readonly postedAt: Date;
  readonly effectiveAt: Date;
  readonly entries: readonly Entry[];
}

/** A change to a payment's row. The payment must be among the command's `payments`. */
export interface PaymentChange {
  readonly id: string;
  readonly status: PaymentStatus;
  readonly providerReference?: string;
  readonly failure?: { readonly code: string; readonly message: string };
}

/** What the caller gets, and what is kept under the idempotency key: `body` is sent byte for byte. */
export interface Answer {
  readonly status: number;
  /** JSON text. */
  readonly body: string;
}

/**
 * A rule's verdict.
 * `applied`: everything listed is written in one database transaction, the answer stored under the key.
 * `refused` with an answer: a money rule said no (422); nothing changes but the answer is stored under the key.
 * `refused` with an error: 404 and the like; nothing is stored and the key stays unused; `submit` rejects with it.
 */
export type Decision =
  | {
      readonly outcome: 'applied';
      readonly transactions: readonly PostedTransaction[];
      readonly payments?: readonly PaymentChange[];
      /**
       * New holds, and named ones in their new state. Each changes the `held` of its account, which must be among the
       * command's `accounts`, before the entries count.
       */
      readonly holds?: readonly Hold[];
      /** Uses of limits, of accounts named in `limitsOf`. */
      readonly limitUses?: readonly LimitUse[];
      /** Rows of other tables that exist if and only if the decision is committed. */
      readonly rows?: readonly NewRow[];
      /** CloudEvents, in the order they shall be published. */
      readonly events: readonly SerializedEvent[];
      readonly answer: Answer;
    }
  | { readonly outcome: 'refused'; readonly answer: Answer }
  | { readonly outcome: 'refused'; readonly error: Error };

/** Who asked, under which key, for what. Keys are scoped to the caller. */
export interface Idempotency {
  /** `usr_…` or `service:<name>`. */
  readonly caller: string;
  readonly key: string;
  /** Equal for equal requests only: the same key with another fingerprint is refused. */
  readonly fingerprint: Buffer;
}

/** One request to change the ledger. Everything about its kind lives in `decide`. */
export interface Command {
  /** uuid; the id of the transaction it will post, if it posts one. Unique per command. */
  readonly id: string;
  /** Label for metrics and spans: a small closed set such as `transfer`, `deposit_settlement`. */
  readonly kind: string;
  /** uuids of the ledger accounts to lock. */
  readonly accounts: readonly string[];
  /** uuids of the payments to lock, after the accounts. Whoever changes a payment's status must name its account too. */
  readonly payments?: readonly string[];
  /** uuids of the holds to lock, after the accounts. Whoever changes a hold must name its account too. */
  readonly holds?: readonly string[];
  /** uuids of the accounts, among `accounts`, whose limits the rule looks at. */
  readonly limitsOf?: readonly string[];
  /** uuids of the transactions it may reverse. Name both accounts of each: their locks make the reversed sum final. */
  readonly reversalsOf?: readonly string[];
  readonly idempotency?: Idempotency;
  /** How many ordinary commands it costs as much as; 1 unless given. */
  readonly weight?: number;
  /** Where the request's trace goes on. */
  readonly context: Context;
  /** Pure: same state, same decision. May be called more than once when a batch is retried. */
  decide(state: LedgerState): Decision;
}

/** An answer with the news whether it was made now or earlier, under the same key. */
export interface SubmittedAnswer extends Answer {
  readonly replayed: boolean;
}
