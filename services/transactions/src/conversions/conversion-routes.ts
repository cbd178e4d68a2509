import { requireUser } from '@florin/auth';
import { sendIdempotent } from '@florin/database';
import { AMOUNT_PATTERN, isCurrency, MoneyError, parseAmount } from '@florin/money';
import {
  body,
  idempotencyHeader,
  idempotencyKey,
  idSchema,
  parseId,
  problemResponses,
  requestFingerprint,
  requiredIdempotencyHeader,
  requireIdempotencyKey,
  type Server,
} from '@florin/service';
import type { FastifyReply } from 'fastify';
import Type, { type Static } from 'typebox';
import { invalidField } from '../errors.ts';
import { TransactionSchema } from '../transactions/transaction-schema.ts';
import { type ConversionDesk, makeQuote, postConversion } from './post-conversion.ts';
import type { QuoteWish } from './quote.ts';

const Currency = Type.String({ minLength: 3, maxLength: 4 });
const Side = Type.Union([Type.Literal('sell'), Type.Literal('buy')], { description: 'Which of the two `amount` is' });

const QuoteBody = body({
  sell: Currency,
  buy: Currency,
  amount: Type.String({ pattern: AMOUNT_PATTERN, description: 'Decimal in the currency that `side` names' }),
  side: Side,
});

const QuoteSchema = Type.Object({
  id: idSchema('fxq'),
  sell: Type.String(),
  buy: Type.String(),
  side: Side,
  sellAmount: Type.String({ description: 'What the account gives, decimal in `sell`' }),
  buyAmount: Type.String({ description: 'What the other account gets, decimal in `buy`' }),
  rate: Type.String({ description: 'Units of `buy` for one of `sell`, the spread included' }),
  spread: Type.Integer({ description: 'What `rate` is worse than the mid-market rate, in hundredths of a percent' }),
  expiresAt: Type.String({ description: 'RFC 3339, UTC, milliseconds: 30 s after the quote was made' }),
});

const access = { scopes: ['transactions:write' as const] };
const tags = ['conversions'];

const quoteSchema = {
  operationId: 'createQuote',
  summary: 'Ask for the price of a conversion',
  description: 'Good for 30 seconds and for one conversion. The amount that follows is rounded half to even.',
  tags,
  headers: idempotencyHeader,
  body: QuoteBody,
  response: {
    201: QuoteSchema,
    ...problemResponses(
      'validation_failed',
      'idempotency_in_progress',
      'amount_too_small',
      'limit_exceeded',
      'idempotency_key_reused',
    ),
  },
};

const conversionSchema = {
  operationId: 'createConversion',
  summary: 'Convert money between two own accounts at a quote',
  description:
    'Posted when answered, with four entries that sum to zero in each currency. `amount` is what `from` gives. A quote ' +
    'that has expired or was used is `quote_expired`.',
  tags,
  headers: requiredIdempotencyHeader,
  body: body({ quote: idSchema('fxq'), from: idSchema('acc'), to: idSchema('acc') }),
  response: {
    201: TransactionSchema,
    ...problemResponses(
      'validation_failed',
      'idempotency_key_required',
      'not_found',
      'same_account',
      'quote_expired',
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

/** POST /v1/fx/quotes and POST /v1/conversions. */
export function conversionRoutes(app: Server, desk: ConversionDesk): void {
  app.post('/v1/fx/quotes', { config: { access }, schema: quoteSchema }, async (request, reply) => {
    const answer = await makeQuote(desk, wishOf(request.body), {
      caller: requireUser(request),
      key: idempotencyKey(request),
      fingerprint: requestFingerprint(request),
      path: '/v1/fx/quotes',
      traceId: request.traceId,
    });
    const asStored: FastifyReply = reply;
    sendIdempotent(asStored, answer);
    return reply;
  });
  app.post('/v1/conversions', { config: { access }, schema: conversionSchema }, async (request, reply) => {
    const { quote, from, to } = request.body;
    const ids = { quote: uuid('fxq', quote), from: uuid('acc', from), to: uuid('acc', to) };
    const answer = await postConversion(desk, ids, {
      caller: requireUser(request),
      key: requireIdempotencyKey(request),
      fingerprint: requestFingerprint(request),
      path: '/v1/conversions',
      traceId: request.traceId,
    });
    const asStored: FastifyReply = reply;
    sendIdempotent(asStored, answer);
    return reply;
  });
}

/** @throws {ProblemError} validation_failed */
function wishOf({ sell, buy, side, amount }: Static<typeof QuoteBody>): QuoteWish {
  if (!isCurrency(sell)) throw invalidField('/sell', 'is not a currency that Florin knows');
  if (!isCurrency(buy)) throw invalidField('/buy', 'is not a currency that Florin knows');
  if (sell === buy) throw invalidField('/buy', 'must be another currency than the one to sell');
  try {
    return { sell, buy, side, amount: parseAmount(amount, side === 'sell' ? sell : buy) };
  } catch (error) {
    if (error instanceof MoneyError) throw invalidField('/amount', error.message);
    throw error;
  }
}

/** The schema has checked the form, so there is a uuid; one that stands for nothing otherwise. */
function uuid(prefix: 'fxq' | 'acc', id: string): string {
  return parseId(prefix, id) ?? '00000000-0000-0000-0000-000000000000';
}
