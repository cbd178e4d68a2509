import { formatAmount, isCurrency, MAX_MINOR_UNITS, MoneyError, parseAmount } from '@florin/money';

export type AccountType = 'checking' | 'savings' | 'goal';

/**
 * `pending`: the ledger has not confirmed it yet. `closing`: the ledger has been asked to close it and has not
 * answered; consumers see it as active.
 */
export type AccountStatus = 'pending' | 'active' | 'frozen' | 'closing' | 'closed';

/** What the ledger is told of an account. */
export type LedgerStatus = 'active' | 'frozen' | 'closed';

/** What a goal account saves for. */
export interface Goal {
  /** Minor units of the account's currency, at least 1. */
  amount: bigint;
  /** yyyy-mm-dd */
  dueDate: string | null;
}

/** How much may leave an account, in minor units: by one transaction, in a day and in a month (UTC). Null: no limit. */
export interface Limits {
  readonly perTransaction: bigint | null;
  readonly daily: bigint | null;
  readonly monthly: bigint | null;
}

/** An account as this service owns it, without its balance. Ids are UUIDs. */
export interface Account {
  id: string;
  owner: string;
  name: string;
  type: AccountType;
  currency: string;
  status: AccountStatus;
  /** Counts changes of status and limits from 1. A pending account that becomes active keeps its version: the ledger's status is the same. */
  version: number;
  /** IBAN without blanks. */
  accountNumber: string;
  goal: Goal | null;
  limits: Limits;
  createdAt: Date;
}

/** `limit` changes what may leave the account and leaves its status as it is. */
export type StatusAction = 'freeze' | 'unfreeze' | 'close' | 'limit';

/** Why the life-cycle refuses an action; each is a problem code of the public contract. */
export type Refusal = 'account_not_active' | 'account_frozen' | 'account_closed' | 'account_not_empty';

/** `settle`: a closing is under way; learn its outcome from the ledger first, then decide again. */
export type Decision =
  | { do: 'change'; to: AccountStatus }
  | { do: 'repeat' }
  | { do: 'settle' }
  | { do: 'refuse'; code: Refusal };

const change = (to: AccountStatus): Decision => ({ do: 'change', to });
const refuse = (code: Refusal): Decision => ({ do: 'refuse', code });
const repeat: Decision = { do: 'repeat' };
const settle: Decision = { do: 'settle' };

const decisions: Record<StatusAction, Record<AccountStatus, Decision>> = {
  freeze: {
    pending: refuse('account_not_active'),
    active: change('frozen'),
    frozen: repeat,
    closing: settle,
    closed: refuse('account_closed'),
  },
  unfreeze: {
    pending: refuse('account_not_active'),
    active: repeat,
    frozen: change('active'),
    closing: settle,
    closed: refuse('account_closed'),
  },
  close: {
    pending: refuse('account_not_active'),
    active: change('closing'),
    frozen: refuse('account_frozen'),
    closing: repeat,
    closed: repeat,
  },
  limit: {
    pending: change('pending'),
    active: change('active'),
    frozen: change('frozen'),
    closing: settle,
    closed: refuse('account_closed'),
  },
};

/** What an action means for an account in that status. `repeat`: it has been decided already; the ledger may lack it. */
export function decide(action: StatusAction, status: AccountStatus): Decision {
  return decisions[action][status];
}

/** What the ledger must hold for an account in that status. A pending account is open as far as the ledger is concerned. */
export function ledgerStatus(status: AccountStatus): LedgerStatus {
  if (status === 'frozen') return 'frozen';
  return status === 'closing' || status === 'closed' ? 'closed' : 'active';
}

/** A field of a request that a rule refuses, by its JSON pointer. */
export class InvalidFieldError extends Error {
  override readonly name = 'InvalidFieldError';
  readonly pointer: string;

  constructor(pointer: string, message: string) {
    super(message);
    this.pointer = pointer;
  }
}

/** @throws {InvalidFieldError} for a currency Florin does not know */
export function checkCurrency(currency: string): void {
  if (!isCurrency(currency)) throw new InvalidFieldError('/currency', 'is not a currency that Florin knows');
}

/**
 * Reads the goal of a request.
 *
 * @param today the day in UTC, yyyy-mm-dd
 * @throws {InvalidFieldError} when the account type has no goal, the amount does not fit, or the due date is no day or is past
 */
export function readGoal(
  goal: { amount: string; dueDate?: string },
  account: { type: AccountType; currency: string },
  today: string,
): Goal {
  if (account.type !== 'goal') throw new InvalidFieldError('/goal', 'only an account of type goal has a goal');
  const { dueDate } = goal;
  if (dueDate !== undefined && !isDay(dueDate))
    throw new InvalidFieldError('/goal/dueDate', 'is not a day of the calendar');
  if (dueDate !== undefined && dueDate < today) throw new InvalidFieldError('/goal/dueDate', 'is in the past');
  return { amount: readGoalAmount(goal.amount, account.currency), dueDate: dueDate ?? null };
}

function readGoalAmount(text: string, currency: string): bigint {
  try {
    const amount = parseAmount(text, currency);
    if (amount <= MAX_MINOR_UNITS) return amount;
  } catch (error) {
    if (error instanceof MoneyError) throw new InvalidFieldError('/goal/amount', error.message);
    throw error;
  }
  throw new InvalidFieldError(
    '/goal/amount',
    `is more than an account holds (${formatAmount(MAX_MINOR_UNITS, currency)})`,
  );
}

function isDay(text: string): boolean {
  const instant = new Date(`${text}T00:00:00.000Z`);
  return !Number.isNaN(instant.getTime()) && instant.toISOString().startsWith(`${text}T`);
}
