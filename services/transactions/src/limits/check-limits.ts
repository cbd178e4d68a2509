import { formatAmount } from '@florin/money';
import { accountName } from '../accounts/public-id.ts';
import type { LedgerAccount, LedgerState } from '../engine/command.ts';
import type { LimitUse } from '../engine/limits.ts';
import { Refusal } from '../errors.ts';

/**
 * Checks that the owner may have `amount` (minor units, > 0) debited from the account now, by its limits. Returns what the
 * decision has to count as `limitUses` if the money leaves: nothing where the account has no limits. Fees do not count.
 * The command must name the account in `limitsOf`.
 * @throws {Refusal} limit_exceeded, naming the limit, what is used of it and what was asked
 */
export function checkLimits(state: LedgerState, account: LedgerAccount, amount: bigint): LimitUse[] {
  const limits = state.limits(account.id);
  if (!limits) return [];
  const { perTransaction, daily, monthly, usedToday, usedThisMonth } = limits;
  const money = (minor: bigint) => `${formatAmount(minor, account.currency)} ${account.currency}`;
  const check = (name: string, limit: bigint | null, used: bigint) => {
    if (limit === null || used + amount <= limit) return;
    const spent = name === 'perTransaction' ? '' : `${money(used)} used, `;
    const detail = `Account ${accountName(account)} has a ${name} limit of ${money(limit)}: ${spent}${money(amount)} asked.`;
    throw new Refusal('limit_exceeded', detail);
  };
  check('perTransaction', perTransaction, 0n);
  check('daily', daily, usedToday);
  check('monthly', monthly, usedThisMonth);
  return [{ account: account.id, amount }];
}
