import { AMOUNT_PATTERN, formatAmount } from '@florin/money';
import { formatId, idSchema } from '@florin/service';
import Type, { type Static } from 'typebox';
import type { AccountStatus, AccountType } from './account.ts';
import type { AccountWithBalance } from './account-queries.ts';
import { viewLimits } from './limits.ts';

export const accountTypeSchema = Type.Union([Type.Literal('checking'), Type.Literal('savings'), Type.Literal('goal')]);

const amount = Type.String({ description: "Decimal with the currency's full scale" });
const limit = Type.Union([Type.String({ pattern: AMOUNT_PATTERN }), Type.Null()], { description: 'null: no limit' });
const instant = Type.String({ format: 'date-time', description: 'RFC 3339 UTC with milliseconds' });

/** An account as the public API shows it. */
export const accountSchema = Type.Object({
  id: idSchema('acc'),
  name: Type.String(),
  type: accountTypeSchema,
  currency: Type.String(),
  status: Type.Union([Type.Literal('pending'), Type.Literal('active'), Type.Literal('frozen'), Type.Literal('closed')]),
  accountNumber: Type.String({ description: 'IBAN without blanks' }),
  owner: idSchema('usr'),
  balance: Type.Object(
    { posted: amount, held: amount, available: amount, asOf: instant },
    { description: 'As of `asOf`; /v1/accounts/{id}/balance has the newest' },
  ),
  limits: Type.Object({ perTransaction: limit, daily: limit, monthly: limit }),
  goal: Type.Optional(Type.Object({ amount, dueDate: Type.Optional(Type.String({ description: 'yyyy-mm-dd' })) })),
  createdAt: instant,
});

export type AccountView = Static<typeof accountSchema>;

const statusShown: Record<AccountStatus, AccountView['status']> = {
  pending: 'pending',
  active: 'active',
  frozen: 'frozen',
  closing: 'active',
  closed: 'closed',
};

/** Writes an account for its consumers; one that is being closed is active until the ledger has agreed. */
export function viewAccount(account: AccountWithBalance): AccountView {
  const { posted, held, asOf } = account.balance;
  const money = (minor: bigint) => formatAmount(minor, account.currency);
  return {
    id: formatId('acc', account.id),
    name: account.name,
    type: account.type satisfies AccountType,
    currency: account.currency,
    status: statusShown[account.status],
    accountNumber: account.accountNumber,
    owner: formatId('usr', account.owner),
    balance: { posted: money(posted), held: money(held), available: money(posted - held), asOf: asOf.toISOString() },
    limits: viewLimits(account.limits, account.currency),
    ...(account.goal && { goal: viewGoal(account.goal, money) }),
    createdAt: account.createdAt.toISOString(),
  };
}

function viewGoal(goal: NonNullable<AccountWithBalance['goal']>, money: (minor: bigint) => string) {
  return { amount: money(goal.amount), ...(goal.dueDate !== null && { dueDate: goal.dueDate }) };
}
