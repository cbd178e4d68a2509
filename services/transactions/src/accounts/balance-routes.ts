import { requireUser } from '@florin/auth';
import type { Database } from '@florin/database';
import { formatAmount } from '@florin/money';
import { body, idSchema, parseId, problemResponses, type Server } from '@florin/service';
import Type from 'typebox';
import { invalidField, notFound } from '../errors.ts';
import type { Tables } from '../tables.ts';
import { parseTime, timeParameter } from '../transactions/time-parameter.ts';
import { findBalance, postedAt } from './balance-queries.ts';
import { mayRead } from './may-read.ts';

/** Balances straight from the ledger. */
export function balanceRoutes(app: Server, { db }: { db: Database<Tables> }): void {
  app.get(
    '/v1/accounts/:id/balance',
    {
      config: { access: { scopes: ['accounts:read'] } },
      schema: {
        operationId: 'getBalance',
        summary: 'Balance of an account, straight from the ledger',
        description:
          'With `at`: what was posted at that instant, and nothing held, since holds have no history; an instant still to come means now.',
        tags: ['accounts'],
        params: body({ id: idSchema('acc') }),
        querystring: body({ at: Type.Optional(timeParameter('The instant to look back to')) }),
        response: {
          200: Type.Object({
            account: idSchema('acc'),
            currency: Type.String(),
            posted: Type.String(),
            held: Type.String(),
            available: Type.String(),
            asOf: Type.String(),
          }),
          ...problemResponses('validation_failed', 'not_found'),
        },
      },
    },
    async (request) => {
      const user = requireUser(request);
      const id = parseId('acc', request.params.id);
      const now = new Date();
      const at = request.query.at === undefined ? now : parseTime(request.query.at);
      if (!at) throw invalidField('/at', 'must be an RFC 3339 time');
      const account = id === undefined ? undefined : await findBalance(db, id);
      if (!account || !mayRead(user, account.ownerId)) throw notFound('account');
      const { posted, held } = at < now ? { posted: await postedAt(db, account.id, at), held: 0n } : account;
      const amount = (minor: bigint) => formatAmount(minor, account.currency);
      return {
        account: request.params.id,
        currency: account.currency,
        posted: amount(posted),
        held: amount(held),
        available: amount(posted - held),
        asOf: (at < now ? at : now).toISOString(),
      };
    },
  );
}
