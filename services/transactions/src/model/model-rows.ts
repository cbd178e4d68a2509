import type { Caller, Currency, Expected, ModelLimits, Status, TransferWish } from './wish.ts';

/** A rule's no. */
export class No extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

const statuses: Readonly<Record<string, number>> = {
  validation_failed: 400,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
};

/** What the bank answers with a rule's no. Anything else is a bug and thrown on. */
export function noAnswer(error: unknown): Expected & { code: string } {
  if (!(error instanceof No)) throw error;
  return { status: statuses[error.code] ?? 422, code: error.code };
}

/** An account of the model. */
export interface Account extends ModelLimits {
  readonly owner: 0 | 1;
  readonly currency: Currency;
  status: Status;
  posted: bigint;
  held: bigint;
  /** What has left it at its owner's wish in each day and month, such as `2000-01-31` and `2000-01`, UTC. */
  readonly left: Map<string, bigint>;
}

/** Money set aside, and for what. */
export interface Hold {
  readonly purpose: 'authorization' | 'approval' | 'withdrawal';
  readonly account: number;
  readonly to: number | undefined;
  readonly amount: bigint;
  readonly expiresAt: Date | undefined;
  active: boolean;
}

/** What is posted, numbered with the deposits. */
export interface Transaction {
  readonly type: 'transfer' | 'deposit' | 'withdrawal' | 'conversion' | 'reversal';
  readonly amount: bigint;
  /** Undefined: one of the bank's own accounts. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  reversed: bigint;
}

/** A transfer above the threshold, decided or not. */
export interface Waiting extends TransferWish {
  /** A place in the holds; its amount is the transfer's with its fee. */
  readonly hold: number;
  outcome: 'approve' | 'reject' | undefined;
}

/** A price, good once and for a while. */
export interface Quote {
  readonly by: Caller;
  readonly sell: Currency;
  readonly sellAmount: bigint;
  readonly buyAmount: bigint;
  readonly madeAt: Date;
  used: boolean;
}

/** So many seconds later. */
export function after(instant: Date, seconds: number): Date {
  return new Date(instant.getTime() + seconds * 1000);
}

/** Whether the caller may do what operators may. */
export function isStaff(by: Caller): boolean {
  return by === 'operator' || by === 'employee';
}

/** What it can spend. */
export function free({ posted, held }: Account): bigint {
  return posted - held;
}

/** Whether its time is up; it keeps its money back until somebody ends it. */
export function isDue({ expiresAt }: Hold, now: Date): boolean {
  return expiresAt !== undefined && now >= expiresAt;
}

/** @throws {No} unless the one may give and the other receive */
export function mayMove(from: Account, to?: Account): void {
  if (from.status !== 'active') throw new No(`account_${from.status}`);
  if (to?.status === 'closed') throw new No('account_closed');
}

/** @throws {No} where so much more would be beyond a limit */
export function withinLimits({ perTransaction, daily, monthly, left }: Account, amount: bigint, now: Date): void {
  const [day, month] = periodsOf(now);
  const beyond = (limit: bigint | null, used = 0n) => limit !== null && used + amount > limit;
  if (beyond(perTransaction) || beyond(daily, left.get(day)) || beyond(monthly, left.get(month)))
    throw new No('limit_exceeded');
}

/** Counts what leaves, whether there are limits or not. */
export function count({ left }: Account, amount: bigint, now: Date): void {
  for (const period of periodsOf(now)) left.set(period, (left.get(period) ?? 0n) + amount);
}

function periodsOf(now: Date): [string, string] {
  return [now.toISOString().slice(0, 10), now.toISOString().slice(0, 7)];
}
