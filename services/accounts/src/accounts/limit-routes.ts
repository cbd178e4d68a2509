import { requireUser } from '@florin/auth';
import { AMOUNT_PATTERN } from '@florin/money';
import { body, problemResponses, type Server } from '@florin/service';
import Type from 'typebox';
import { accountParams, accountUuid } from './account-requests.ts';
import { accountSchema, viewAccount } from './account-view.ts';
import { setLimits } from './set-limits.ts';
import type { Bank } from './tell-ledger.ts';

const limit = (what: string) =>
  Type.Optional(
    Type.Union([Type.String({ pattern: AMOUNT_PATTERN }), Type.Null()], {
      description: `${what}; decimal in the currency of the account, null: no limit, left out: as it is`,
    }),
  );

/** The operators' route that sets limits. */
export function limitRoutes(app: Server, bank: Bank): void {
  app.put(
    '/v1/accounts/:id/limits',
    {
      config: { access: { roles: ['operator'], scopes: ['accounts:write'] } },
      schema: {
        operationId: 'setAccountLimits',
        summary: 'Operator: limit what may leave an account',
        description: 'In force when answered. Days and months are those of UTC.',
        tags: ['accounts'],
        params: accountParams,
        body: body({
          perTransaction: limit('By one transaction at most'),
          daily: limit('In a day at most'),
          monthly: limit('In a month at most'),
        }),
        response: {
          200: accountSchema,
          ...problemResponses('validation_failed', 'not_found', 'account_closed', 'upstream_unavailable'),
        },
      },
    },
    async (request) => {
      const account = accountUuid(request.params.id);
      const operator = requireUser(request).userId;
      return viewAccount(await setLimits(bank, { account, operator, limits: request.body }));
    },
  );
}
