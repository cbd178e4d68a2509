import { requireUser } from '@florin/auth';
import { body, problemResponses, type Server } from '@florin/service';
import { accountParams, accountUuid, lineSchema } from './account-requests.ts';
import { accountSchema, viewAccount } from './account-view.ts';
import { setFrozen } from './freeze-account.ts';
import type { Bank } from './tell-ledger.ts';

/** The operators' routes that freeze and unfreeze. */
export function freezeRoutes(app: Server, bank: Bank): void {
  for (const action of ['freeze', 'unfreeze'] as const) {
    app.post(
      `/v1/accounts/:id/${action}`,
      {
        config: { access: { roles: ['operator'], scopes: ['accounts:write'] } },
        schema: {
          operationId: `${action}Account`,
          summary: action === 'freeze' ? 'Operator: stop all debits of an account' : 'Operator: lift a freeze',
          tags: ['accounts'],
          params: accountParams,
          body: body({ reason: lineSchema(500, 'Why, for the record') }),
          response: {
            200: accountSchema,
            ...problemResponses(
              'validation_failed',
              'not_found',
              'account_not_active',
              'account_closed',
              'upstream_unavailable',
            ),
          },
        },
      },
      async (request) => {
        const account = accountUuid(request.params.id);
        const operator = requireUser(request).userId;
        return viewAccount(await setFrozen(bank, { account, action, operator, reason: request.body.reason }));
      },
    );
  }
}
