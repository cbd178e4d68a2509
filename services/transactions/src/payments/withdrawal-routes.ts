import { requireUser } from '@florin/auth';
import { sendIdempotent } from '@florin/database';
import { AMOUNT_PATTERN } from '@florin/money';
import {
  body,
  idSchema,
  parseId,
  problemResponses,
  requestFingerprint,
  requiredIdempotencyHeader,
  requireIdempotencyKey,
} from '@florin/service';
import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import { amountOf, invalidField } from '../errors.ts';
import { descriptionField, metadataField } from '../transactions/free-fields.ts';
import { TransactionSchema } from '../transactions/transaction-schema.ts';
import { needsStepUp } from '../transfers/step-up.ts';
import type { TransferPolicy } from '../transfers/transfer-policy.ts';
import { createWithdrawal } from './create-withdrawal.ts';
import { hasIbanCheckDigits } from './iban.ts';
import { type Instrument, instrumentTypeField } from './providers/provider.ts';
import { defaultProvider, type Providers } from './providers/providers.ts';
import type { Payments } from './start-payments.ts';
import type { Withdrawal } from './withdrawal.ts';

const WithdrawalBody = body({
  account: idSchema('acc'),
  amount: Type.String({ pattern: AMOUNT_PATTERN, description: 'Decimal in the currency of the account' }),
  currency: Type.String({ minLength: 3, maxLength: 4 }),
  provider: Type.Optional(
    Type.String({ minLength: 1, maxLength: 50, description: `Payment provider; \`${defaultProvider}\` unless named` }),
  ),
  destination: body({
    type: instrumentTypeField,
    token: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: "The provider's token for the card or account" }),
    ),
    iban: Type.Optional(
      Type.String({ pattern: '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$', description: 'In place of a token, without blanks' }),
    ),
  }),
  description: Type.Optional(descriptionField),
  metadata: Type.Optional(metadataField),
});

const schema = {
  summary: 'Pay money out through a payment provider',
  description:
    'Answers at once with a pending transaction, its money held; it is posted or failed, and the hold with it, when the provider says what became of it. It counts towards the limits from the start, also if it fails.',
  operationId: 'createWithdrawal',
  tags: ['payments'],
  headers: requiredIdempotencyHeader,
  body: WithdrawalBody,
  response: {
    202: TransactionSchema,
    ...problemResponses(
      'validation_failed',
      'idempotency_key_required',
      'step_up_required',
      'not_found',
      'currency_mismatch',
      'account_frozen',
      'account_closed',
      'insufficient_funds',
      'limit_exceeded',
      'idempotency_key_reused',
      'upstream_unavailable',
    ),
  },
};

function withdrawalOf(wish: Static<typeof WithdrawalBody>, providers: Providers): Omit<Withdrawal, 'id'> {
  const { amount, currency, provider = defaultProvider, description = null, metadata = {} } = wish;
  const account = parseId('acc', wish.account);
  if (account === undefined) throw invalidField('/account', 'must be the id of an account');
  if (!providers.has(provider)) throw invalidField('/provider', 'is not a payment provider that is configured here');
  const destination = destinationOf(wish.destination);
  return { account, amount: amountOf({ amount, currency }), currency, provider, destination, description, metadata };
}

function destinationOf({ type, token, iban }: Static<typeof WithdrawalBody>['destination']): Instrument {
  if ((token === undefined) === (iban === undefined)) {
    throw invalidField('/destination', 'must have either a token or an iban');
  }
  if (token !== undefined) return { type, token };
  if (iban === undefined || !hasIbanCheckDigits(iban)) {
    throw invalidField('/destination/iban', 'is not a valid IBAN: its check digits do not fit');
  }
  return { type, iban };
}

/** POST /v1/withdrawals. */
export function withdrawalRoutes(
  payments: Pick<Payments, 'access' | 'providers' | 'wake'>,
  { stepUp }: Pick<TransferPolicy, 'stepUp'>,
) {
  return async (app: FastifyInstance): Promise<void> => {
    app.post<{ Body: Static<typeof WithdrawalBody> }>(
      '/v1/withdrawals',
      { schema, config: { access: { scopes: ['transactions:write'] } } },
      async (request, reply) => {
        const caller = requireUser(request);
        const wish = withdrawalOf(request.body, payments.providers);
        const withdrawal = { ...wish, needsStepUp: needsStepUp(stepUp, caller, wish) };
        const answer = await createWithdrawal(payments.access.engine, withdrawal, {
          caller,
          key: requireIdempotencyKey(request),
          fingerprint: requestFingerprint(request),
          path: '/v1/withdrawals',
          traceId: request.traceId,
        });
        payments.wake();
        return sendIdempotent(reply, answer);
      },
    );
  };
}
