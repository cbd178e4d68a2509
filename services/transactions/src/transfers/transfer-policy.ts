import type { Database } from '@florin/database';
import { isCurrency, MoneyError, parseAmount } from '@florin/money';
import { SettingsError } from '@florin/service';
import Type from 'typebox';
import { ensureSystemAccounts } from '../accounts/system-accounts.ts';
import type { Tables } from '../tables.ts';
import { type FeeRules, feesAccount, parseFees } from './fee.ts';

/** What the bank asks of transfers beside the rules that hold everywhere. */
export interface TransferPolicy {
  readonly fees: FeeRules;
  /** By currency: transfers of more than this wait for an operator. Minor units. */
  readonly approvalThresholds: ReadonlyMap<string, bigint>;
}

/** No fees, no approvals: the default. */
export const openPolicy: TransferPolicy = { fees: new Map(), approvalThresholds: new Map() };

/** What the environment says of it: part of the service's settings. */
export const transferSettings = {
  TRANSFER_FEE: Type.Optional(
    Type.String({
      description:
        'What a transfer costs its sender, by currency, such as `USD:0.25+0.1%:max=5.00,EUR:0.20`; without it nothing',
    }),
  ),
  APPROVAL_THRESHOLD: Type.Optional(
    Type.String({
      description:
        'Transfers of more than this wait for an operator, by currency, such as `USD:10000.00,EUR:9000`; without it none',
    }),
  ),
};

/** Creates the accounts that fees go to, before the first transfer names them. */
export async function ensureFeesAccounts(db: Database<Tables>, { fees }: TransferPolicy): Promise<void> {
  await ensureSystemAccounts(db, Array.from(fees.keys(), feesAccount));
}

/** @throws {SettingsError} for what is no rule */
export function toTransferPolicy(env: { TRANSFER_FEE?: string; APPROVAL_THRESHOLD?: string }): TransferPolicy {
  return {
    fees: parseFees(env.TRANSFER_FEE ?? ''),
    approvalThresholds: parseThresholds(env.APPROVAL_THRESHOLD ?? ''),
  };
}

function parseThresholds(text: string): Map<string, bigint> {
  const thresholds = new Map<string, bigint>();
  for (const part of text.split(',').filter((part) => part.trim() !== '')) {
    const [, currency = '', amount = ''] =
      /^([A-Z]{3,4}):((?:0|[1-9][0-9]{0,14})(?:\.[0-9]+)?)$/.exec(part.trim()) ?? [];
    if (!isCurrency(currency) || thresholds.has(currency)) throw notThresholds(part);
    try {
      thresholds.set(currency, parseAmount(amount, currency));
    } catch (error) {
      throw error instanceof MoneyError ? notThresholds(part) : error;
    }
  }
  return thresholds;
}

function notThresholds(part: string): SettingsError {
  return new SettingsError(`APPROVAL_THRESHOLD must be amounts such as USD:10000.00,EUR:9000; see ${part.trim()}`);
}
