import { type Transaction, unseal } from '@florin/database';
import type { Resources } from '../resources.ts';
import type { Tables } from '../tables.ts';
import { hashRecoveryCode } from './recovery-code.ts';
import {
  listFactorMethods,
  lockSecondFactor,
  type SecondFactor,
  storeLastStep,
  takeRecoveryCode,
} from './second-factor-queries.ts';
import { acceptedStep, looksLikeTotp } from './totp.ts';

/** What a code was worth. `off`: the user has no second factor, and no code is looked at. */
export type FactorVerdict = 'off' | 'missing' | 'wrong' | 'right';

/** What the secret of this user's factor is sealed for. */
export function factorContext(userId: string): string {
  return `second-factor ${userId}`;
}

/**
 * Checks a code of the user's app, or a recovery code, which also replaces a passkey, and uses it up: under the lock of the
 * factor's row, so that of parallel uses of one code one is right. Count the guess before.
 */
export async function checkSecondFactor(
  { secrets }: Pick<Resources, 'secrets'>,
  tx: Transaction<Tables>,
  userId: string,
  otp: string | undefined,
): Promise<FactorVerdict> {
  const factor = await lockSecondFactor(tx, userId);
  if (!factor?.active && (await listFactorMethods(tx, userId)).length === 0) return 'off';
  if (otp === undefined) return 'missing';
  if (factor?.active && (await useTotp({ secrets }, tx, { userId, factor, otp }))) return 'right';
  if (looksLikeTotp(otp)) return 'wrong';
  const codeHash = hashRecoveryCode(secrets.recoveryCodes, userId, otp);
  return (await takeRecoveryCode(tx, userId, codeHash)) ? 'right' : 'wrong';
}

/** Uses a code of the app, whether its factor is active yet or not; false when it is wrong or was used. */
export async function useTotp(
  { secrets }: Pick<Resources, 'secrets'>,
  tx: Transaction<Tables>,
  { userId, factor, otp }: { userId: string; factor: SecondFactor; otp: string },
): Promise<boolean> {
  const secret = unseal(secrets.secondFactors, factorContext(userId), factor.sealed).toString();
  // Read under the lock: later than any use before.
  const step = acceptedStep(secret, otp, Date.now(), factor.lastStep);
  if (step === undefined) return false;
  await storeLastStep(tx, userId, step);
  return true;
}
