/** Limits of an account and what of them is used in the UTC day and month of the decision. Amounts are minor units. */
export interface AccountLimits {
  readonly perTransaction: bigint | null;
  readonly daily: bigint | null;
  readonly monthly: bigint | null;
  readonly usedToday: bigint;
  readonly usedThisMonth: bigint;
}

/** Counts towards the account's limits of the day and the month, minor units. Negative gives back. */
export interface LimitUse {
  readonly account: string;
  readonly amount: bigint;
}

/** Limits of one account as read, with what is used of each period that the batch can fall into. */
export interface ReadLimits {
  readonly accountId: string;
  readonly perTransaction: bigint | null;
  readonly daily: bigint | null;
  readonly monthly: bigint | null;
  readonly uses: ReadonlyMap<string, bigint>;
}

/** A row of `limit_uses` to add to. */
export interface PeriodUse {
  readonly accountId: string;
  readonly period: string;
  readonly amount: bigint;
}

/** The UTC day, such as `2026-11-20`, and month, `2026-11`, of an instant. */
export function periodsOf(instant: Date): { day: string; month: string } {
  const day = instant.toISOString().slice(0, 10);
  return { day, month: day.slice(0, 7) };
}

const dayMs = 86_400_000;

/** Every period that a decision made about `now` can count in: another replica's clock may be a little ahead. */
export function periodsAround(now: Date): string[] {
  const [today, tomorrow] = [periodsOf(now), periodsOf(new Date(now.getTime() + dayMs))];
  return [...new Set([today.day, today.month, tomorrow.day, tomorrow.month])];
}

/** The limits at an instant. */
export function limitsAt({ perTransaction, daily, monthly, uses }: ReadLimits, instant: Date): AccountLimits {
  const { day, month } = periodsOf(instant);
  return { perTransaction, daily, monthly, usedToday: uses.get(day) ?? 0n, usedThisMonth: uses.get(month) ?? 0n };
}
