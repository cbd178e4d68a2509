import { requireUser } from '@florin/auth';
import { body, idSchema, parseId, problemResponses, type Server } from '@florin/service';
import { type ExplanationSources, explainTransaction } from './explain-transaction.ts';
import { ExplanationSchema } from './explanation-schema.ts';

/** GET /v1/transactions/{id}/explain. */
export function explanationRoutes(app: Server, sources: ExplanationSources): void {
  app.get(
    '/v1/transactions/:id/explain',
    {
      config: { access: { scopes: ['transactions:read'] } },
      schema: {
        operationId: 'explainTransaction',
        summary: 'How a transaction came to be',
        description:
          'From what is recorded. Whoever may read the transaction may read this, without what is the other side’s. Deliveries are asked of another part of the service: without its answer they are null, and the rest is as ever.',
        tags: ['transactions'],
        params: body({ id: idSchema('txn') }),
        response: { 200: ExplanationSchema, ...problemResponses('validation_failed', 'not_found') },
      },
    },
    async (request) => {
      const reader = { user: requireUser(request), authorization: request.headers.authorization ?? '' };
      return await explainTransaction(sources, reader, parseId('txn', request.params.id));
    },
  );
}
