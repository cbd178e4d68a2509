import { type Access, requireUser } from '@florin/auth';
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
import { createDeposit, type Deposit } from './create-deposit.ts';
import { instrumentTypeField } from './providers/provider.ts';
import { defaultProvider, type Providers } from './providers/providers.ts';
import type { Payments } from './start-payments.ts';

const access: Access = { scopes: ['transactions:write'] };

const DepositBody = body({
  account: idSchema('acc'),
  amount: Type.String({ pattern: AMOUNT_PATTERN, description: 'Decimal in the currency of the account' }),
  currency: Type.String({ minLength: 3, maxLength: 4 }),
  provider: Type.Optional(
    Type.String({ minLength: 1, maxLength: 50, description: `Payment provider; \`${defaultProvider}\` unless named` }),
  ),
  source: body({
    type: instrumentTypeField,
    token: Type.String({ minLength: 1, maxLength: 200, description: "The provider's token for the card or account" }),
  }),
  description: Type.Optional(descriptionField),
  metadata: Type.Optional(metadataField),
});

const schema = {
  summary: 'Bring money in through a payment provider',
  description:
    'Answers at once with a pending transaction; it is posted or failed when the provider says what became of it.',
  operationId: 'createDeposit',
  tags: ['payments'],
  headers: requiredIdempotencyHeader,
  body: DepositBody,
  response: {
    202: TransactionSchema,
    ...problemResponses(
      'validation_failed',
      'idempotency_key_required',
      'not_found',
      'idempotency_in_progress',
      'idempotency_key_reused',
      'account_closed',
      'currency_mismatch',
      'limit_exceeded',
    ),
  },
};

function depositOf(wish: Static<typeof DepositBody>, providers: Providers): Deposit {
  const { account, amount, currency, source, provider = defaultProvider, description = null, metadata = {} } = wish;
  const accountId = parseId('acc', account);
  if (accountId === undefined) throw invalidField('/account', 'must be the id of an account');
  if (!providers.has(provider)) throw invalidField('/provider', 'is not a payment provider that is configured here');
  return {
    account: accountId,
    amount: amountOf({ amount, currency }),
    currency,
    provider,
    source,
    description,
    metadata,
  };
}

/** POST /v1/deposits. */
export function depositRoutes(payments: Pick<Payments, 'access' | 'providers' | 'wake'>) {
  return async (app: FastifyInstance): Promise<void> => {
    app.post<{ Body: Static<typeof DepositBody> }>(
      '/v1/deposits',
      { schema, config: { access } },
      async (request, reply) => {
        const deposit = depositOf(request.body, payments.providers);
        const answer = await createDeposit(payments.access.db, deposit, {
          caller: requireUser(request),
          key: requireIdempotencyKey(request),
          fingerprint: requestFingerprint(request),
          path: request.routeOptions.url ?? '',
          traceId: request.traceId,
        });
        payments.wake();
        return sendIdempotent(reply, answer);
      },
    );
  };
}
