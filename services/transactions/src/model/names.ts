import type { Currency } from './wish.ts';

/** A quote with the amounts that the bank named. */
export interface KnownQuote {
  readonly id: string;
  readonly by: 0 | 1;
  readonly sell: Currency;
  readonly sellAmount: bigint;
  readonly buyAmount: bigint;
}

/** What the real bank has named so far; the numbers of wishes are places in these lists. */
export interface Names {
  readonly accounts: { owner: 0 | 1; currency: Currency; id: string; version: number }[];
  readonly holds: { id: string; account: number; to: number | undefined }[];
  readonly transactions: { id: string; isTransfer: boolean; to: number | undefined }[];
  readonly quotes: KnownQuote[];
}
