import type { Currency } from './wish.ts';

/** The settings of the real bank; in EUR it asks for nothing. */
export const settings = { TRANSFER_FEE: 'USD:0.02+0.5%:max=1.00', APPROVAL_THRESHOLD: 'USD:120.00' };

/** The same, said once more: what a transfer costs, minor units. Halves are rounded to even. */
export function feeOf(amount: bigint, currency: Currency): bigint {
  if (currency === 'EUR') return 0n;
  const [share, rest] = [amount / 200n, amount % 200n];
  const rounded = rest > 100n || (rest === 100n && share % 2n === 1n) ? share + 1n : share;
  return rounded > 98n ? 100n : 2n + rounded;
}

/** Whether a transfer waits for an operator, and a capture is for one to make. */
export function needsApproval(amount: bigint, currency: Currency): boolean {
  return currency === 'USD' && amount > 12_000n;
}

/** What the provider makes of a withdrawal; it does not change its mind. */
export function isPaidOut(amount: bigint): boolean {
  return amount % 3n !== 0n;
}

/** How long a quote is good for. */
export const quoteSeconds = 30;

/** How long a hold lasts that does not say. */
export const holdSeconds = 604_800;
