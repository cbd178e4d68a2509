import { type Database, inTransaction } from '@florin/database';
import { isCurrency } from '@florin/money';
import { body, formatId, idSchema, parseId, problemResponses, type Server } from '@florin/service';
import Type from 'typebox';
import { invalidField, notFound } from '../errors.ts';
import { LimitsBody, readLimits } from '../limits/limits.ts';
import type { Tables } from '../tables.ts';
import { putLedgerAccount } from './put-ledger-account.ts';

const Status = Type.Union([Type.Literal('active'), Type.Literal('frozen'), Type.Literal('closed')]);

/** The one way in which the service accounts tells the ledger of an account and waits for its word. */
export function ledgerAccountRoutes(app: Server, { db, clock }: { db: Database<Tables>; clock: () => Date }): void {
  app.put(
    '/internal/ledger-accounts/:id',
    {
      config: { access: { services: ['accounts'] } },
      schema: {
        operationId: 'putLedgerAccount',
        summary: 'Open an account in the ledger or change its status and limits',
        description: 'May be repeated; a version that is not newer changes nothing and is answered with what there is.',
        tags: ['internal'],
        params: body({ id: idSchema('acc') }),
        body: body({
          owner: idSchema('usr'),
          currency: Type.String({ minLength: 3, maxLength: 4 }),
          accountNumber: Type.String({ minLength: 5, maxLength: 34, pattern: '^[A-Z0-9]+$' }),
          status: Status,
          limits: Type.Optional(LimitsBody),
          version: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }),
        }),
        response: {
          200: Type.Object({ id: idSchema('acc'), status: Status, version: Type.Integer() }),
          ...problemResponses('validation_failed', 'conflict', 'account_not_empty'),
        },
      },
    },
    async (request) => {
      const { owner, limits, ...change } = request.body;
      const id = parseId('acc', request.params.id);
      const ownerId = parseId('usr', owner);
      if (id === undefined || ownerId === undefined) throw notFound('account');
      if (!isCurrency(change.currency)) throw invalidField('/currency', 'is not a currency that Florin knows');
      const read = limits && readLimits(limits, change.currency);
      const known = { ...change, id, ownerId, limits: read };
      const state = await inTransaction(db, (tx) => putLedgerAccount(tx, known, clock()));
      return { ...state, id: formatId('acc', state.id) };
    },
  );
}
