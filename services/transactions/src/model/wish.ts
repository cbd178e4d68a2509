/** The currencies of the model's accounts; both have two decimals. */
export const currencies = ['USD', 'EUR'] as const;
export type Currency = (typeof currencies)[number];

/** Who asks: one of two customers, an operator, or an employee: customer 0, signed in as an operator. */
export type Caller = 0 | 1 | 'operator' | 'employee';
export type Status = 'active' | 'frozen' | 'closed';

/** The number of what does not exist and never will. */
export const nothing = -1;

/** Minor units. Null: no limit. */
export interface ModelLimits {
  readonly perTransaction: bigint | null;
  readonly daily: bigint | null;
  readonly monthly: bigint | null;
}

export interface TransferWish {
  readonly from: number;
  readonly to: number;
  readonly amount: bigint;
  readonly currency: Currency;
}

/**
 * One command to the bank. Accounts, holds, transactions, waiting transfers, withdrawals and quotes are numbered in the order in which they came to be;
 * `nothing` stands for an id that does not exist. Amounts are minor units.
 */
export type Wish =
  | { readonly kind: 'open'; readonly owner: 0 | 1; readonly currency: Currency }
  | { readonly kind: 'change'; readonly account: number; readonly status: Status; readonly limits?: ModelLimits }
  | { readonly kind: 'deposit'; readonly account: number; readonly amount: bigint }
  | ({ readonly kind: 'transfer'; readonly by: Caller } & TransferWish)
  | {
      readonly kind: 'batch';
      readonly by: Caller;
      readonly mode: 'atomic' | 'independent';
      readonly transfers: readonly TransferWish[];
    }
  | {
      readonly kind: 'hold';
      readonly by: Caller;
      readonly account: number;
      readonly to: number | undefined;
      readonly amount: bigint;
      readonly currency: Currency;
      /** Seconds. */
      readonly expiresIn: number | undefined;
    }
  | {
      readonly kind: 'capture';
      readonly by: Caller;
      readonly hold: number;
      readonly amount: bigint | undefined;
      readonly to: number | undefined;
    }
  | { readonly kind: 'void'; readonly by: Caller; readonly hold: number }
  | {
      readonly kind: 'reverse';
      readonly by: Caller;
      readonly transaction: number;
      readonly amount: bigint | undefined;
    }
  | { readonly kind: 'quote'; readonly by: 0 | 1; readonly sell: Currency; readonly amount: bigint }
  | {
      readonly kind: 'convert';
      readonly by: Caller;
      readonly quote: number;
      readonly from: number;
      readonly to: number;
    }
  /** An operator's word on a transfer that waits, or did. */
  | { readonly kind: 'approve' | 'reject'; readonly by: Caller; readonly waiting: number }
  | {
      readonly kind: 'withdraw';
      readonly by: Caller;
      readonly account: number;
      readonly amount: bigint;
      readonly currency: Currency;
    }
  /** The provider says what became of a withdrawal, for the first time or again. */
  | { readonly kind: 'report'; readonly withdrawal: number }
  /** Time goes by. */
  | { readonly kind: 'wait'; readonly seconds: number }
  /** The worker comes by that lets due holds expire. */
  | { readonly kind: 'expire' };

/** The wish of that kind. */
export type Of<Kind extends Wish['kind']> = Extract<Wish, { kind: Kind }>;

/** What the bank has to answer. `results`: a code, or the status, for each transfer of a batch. */
export interface Expected {
  readonly status: number;
  readonly code?: string;
  readonly results?: readonly string[];
}

/** `EUR` for `USD` and the other way round. */
export function otherCurrency(currency: Currency): Currency {
  return currency === 'USD' ? 'EUR' : 'USD';
}
