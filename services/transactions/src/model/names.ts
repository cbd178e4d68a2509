import type { Currency } from './wish.ts';

/** A quote with the amounts that the bank named. */
export interface KnownQuote {
  readonly id: string;
  readonly by: 0 | 1;
  readonly sell: Currency;
  readonly sellAmount: bigint;
  readonly buyAmount: bigint;
}

/** A withdrawal on its way, or that was. */
export interface KnownWithdrawal {
  readonly id: string;
  readonly amount: bigint;
  readonly currency: Currency;
  /** The provider has said what became of it. */
  reported: boolean;
}

/** What the real bank has named so far; the numbers of wishes are places in these lists. */
export interface Names {
  readonly accounts: { owner: 0 | 1; currency: Currency; id: string; version: number }[];
  /** Those of waiting transfers and withdrawals as well. */
  readonly holds: { id: string; account: number; to: number | undefined; isOwn: boolean }[];
  readonly transactions: { id: string; isTransfer: boolean; to: number | undefined }[];
  readonly waiting: { id: string; from: number; to: number }[];
  readonly withdrawals: KnownWithdrawal[];
  readonly quotes: KnownQuote[];
}
