import { requireUser } from '@florin/auth';
import type { Database } from '@florin/database';
import { body, idSchema, parseId, problemResponses, type Server } from '@florin/service';
import type { Tables } from '../tables.ts';
import { explainTransaction } from './explain-transaction.ts';
import { ExplanationSchema } from './explanation-schema.ts';

/** GET /v1/transactions/{id}/explain. */
export function explanationRoutes(app: Server, { db }: { db: Database<Tables> }): void {
  app.get(
    '/v1/transactions/:id/explain',
    {
      config: { access: { scopes: ['transactions:read'] } },
      schema: {
        operationId: 'explainTransaction',
        summary: 'How a transaction came to be',
        description:
          'From what is recorded. Whoever may read the transaction may read this, without what is the other side’s.',
        tags: ['transactions'],
        params: body({ id: idSchema('txn') }),
        response: { 200: ExplanationSchema, ...problemResponses('validation_failed', 'not_found') },
      },
    },
    async (request) => await explainTransaction(db, requireUser(request), parseId('txn', request.params.id)),
  );
}
