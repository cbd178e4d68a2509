import type { Database } from '@florin/database';
import { formatAmount } from '@florin/money';
import { body, problemResponses, type Server } from '@florin/service';
import Type from 'typebox';
import { invalidField } from '../errors.ts';
import type { Tables } from '../tables.ts';
import { parseTime, timeParameter } from '../transactions/time-parameter.ts';
import { classBalances } from './trial-balance-queries.ts';

const Amount = Type.String({ description: "Decimal with the currency's full scale" });

const TrialBalance = Type.Object({
  at: Type.String({ description: 'RFC 3339, UTC, milliseconds' }),
  accounts: Type.Array(
    Type.Object({
      class: Type.String({ enum: ['asset', 'liability', 'income', 'expense', 'equity'] }),
      currency: Type.String(),
      debit: Amount,
      credit: Amount,
      balance: Type.String({ description: '`credit` less `debit`' }),
    }),
  ),
  totals: Type.Array(
    Type.Object({
      currency: Type.String(),
      total: Type.String({ description: 'The sum of all balances: 0, or the books are wrong' }),
    }),
  ),
});

/** GET /v1/ledger/trial-balance. */
export function trialBalanceRoutes(app: Server, { db }: { db: Database<Tables> }): void {
  app.get(
    '/v1/ledger/trial-balance',
    {
      config: { access: { roles: ['operator'] } },
      schema: {
        operationId: 'getTrialBalance',
        summary: 'The balances of all accounts by class and currency, now or at an instant',
        description:
          'Customers’ money is a liability, with balances in `credit`; money at a payment provider is an asset, with balances in `debit`. An instant still to come means now.',
        tags: ['ledger'],
        querystring: body({ at: Type.Optional(timeParameter('The instant to look back to')) }),
        response: { 200: TrialBalance, ...problemResponses('validation_failed') },
      },
    },
    async (request) => {
      const now = new Date();
      const at = request.query.at === undefined ? now : parseTime(request.query.at);
      if (!at) throw invalidField('/at', 'must be an RFC 3339 time');
      const balances = await classBalances(db, at);
      const totals = Map.groupBy(balances, (row) => row.currency);
      return {
        at: (at < now ? at : now).toISOString(),
        accounts: balances.map(({ class: of, currency, debit, credit }) => ({
          class: of,
          currency,
          debit: formatAmount(debit, currency),
          credit: formatAmount(credit, currency),
          balance: formatAmount(credit - debit, currency),
        })),
        totals: Array.from(totals, ([currency, rows]) => ({
          currency,
          total: formatAmount(
            rows.reduce((sum, row) => sum + row.credit - row.debit, 0n),
            currency,
          ),
        })),
      };
    },
  );
}
