import { defaultProofSeconds, isApiKey, isRecentlyProven, proofSettings, type UserPrincipal } from '@florin/auth';
import { type ProblemError, problem } from '@florin/service';
import Type, { type Static } from 'typebox';
import { parseThresholds, type Thresholds } from './thresholds.ts';

/** Which amounts leave an account only for a person who has proved lately who he is. */
export interface StepUpPolicy {
  readonly above: Thresholds;
  /** How long a proof, which is a login or a step-up, is recent. */
  readonly withinSeconds: number;
  /** Whether API keys, which cannot prove anything, are let through. */
  readonly exemptsApiKeys: boolean;
}

/** What the environment says of it: part of the service's settings. */
export const stepUpSettings = {
  STEP_UP_ABOVE: Type.Optional(
    Type.String({
      description:
        'Transfers, holds and withdrawals of more than this need a recent login or step-up of their session, by currency, such as `USD:1000.00,EUR:900`; without it none',
    }),
  ),
  ...proofSettings('How long after a login or step-up amounts above STEP_UP_ABOVE may leave'),
  STEP_UP_API_KEYS: Type.Union([Type.Literal('refuse'), Type.Literal('exempt')], {
    default: 'refuse',
    description: 'Whether API keys may move more than STEP_UP_ABOVE: they cannot step up',
  }),
};

type Settings = { [Name in keyof typeof stepUpSettings]?: Static<(typeof stepUpSettings)[Name]> };

/** Undefined where no amount asks for it, so that nothing is looked at then. @throws {SettingsError} for what is no amount */
export function toStepUpPolicy({
  STEP_UP_ABOVE = '',
  STEP_UP_SECONDS = defaultProofSeconds,
  STEP_UP_API_KEYS,
}: Settings): StepUpPolicy | undefined {
  const above = parseThresholds('STEP_UP_ABOVE', STEP_UP_ABOVE);
  if (above.size === 0) return undefined;
  return { above, withinSeconds: STEP_UP_SECONDS, exemptsApiKeys: STEP_UP_API_KEYS === 'exempt' };
}

/** Whether this caller has to step up before that much leaves at his wish. `amount` in minor units. */
export function needsStepUp(
  policy: StepUpPolicy | undefined,
  caller: UserPrincipal,
  { amount, currency }: { readonly amount: bigint; readonly currency: string },
): boolean {
  const threshold = policy?.above.get(currency);
  if (policy === undefined || threshold === undefined || amount <= threshold) return false;
  if (isApiKey(caller)) return !policy.exemptsApiKeys;
  return !isRecentlyProven(caller, policy.withinSeconds);
}

/**
 * The no to whoever has to step up: 403, kept under no key. Thrown by rules and not before them, so that the repeat of a
 * request that was posted gets its answer, however long ago its caller proved who he was.
 */
export function stepUpRequired(): ProblemError {
  return problem(
    'step_up_required',
    'That much needs a recent proof of who you are: log in or step up (POST /v1/auth/step-up), which an API key cannot, and repeat the request.',
  );
}
