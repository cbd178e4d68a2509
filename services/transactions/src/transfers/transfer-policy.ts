import type { Database } from '@florin/database';
import Type from 'typebox';
import { ensureSystemAccounts } from '../accounts/system-accounts.ts';
import type { Tables } from '../tables.ts';
import { type FeeRules, feesAccount, parseFees } from './fee.ts';
import { type StepUpPolicy, stepUpSettings, toStepUpPolicy } from './step-up.ts';
import { parseThresholds, type Thresholds } from './thresholds.ts';

/** What the bank asks of transfers beside the rules that hold everywhere. */
export interface TransferPolicy {
  readonly fees: FeeRules;
  /** Transfers of more than this wait for an operator. */
  readonly approvalThresholds: Thresholds;
  /** Not given: nobody is asked to step up. */
  readonly stepUp?: StepUpPolicy | undefined;
}

/** No fees, no approvals, no step-up: the default. */
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
  ...stepUpSettings,
};

/** Creates the accounts that fees go to, before the first transfer names them. */
export async function ensureFeesAccounts(db: Database<Tables>, { fees }: TransferPolicy): Promise<void> {
  await ensureSystemAccounts(db, Array.from(fees.keys(), feesAccount));
}

/** @throws {SettingsError} for what is no rule */
export function toTransferPolicy(
  env: { TRANSFER_FEE?: string; APPROVAL_THRESHOLD?: string } & Parameters<typeof toStepUpPolicy>[0],
): TransferPolicy {
  return {
    fees: parseFees(env.TRANSFER_FEE ?? ''),
    approvalThresholds: parseThresholds('APPROVAL_THRESHOLD', env.APPROVAL_THRESHOLD ?? ''),
    stepUp: toStepUpPolicy(env),
  };
}
