import type { Database } from '@florin/database';
import { body, idSchema, parseId, problemResponses, type Server } from '@florin/service';
import Type from 'typebox';
import { accountNotFound } from '../errors.ts';
import type { Tables } from '../tables.ts';
import { closeOwner } from './close-owner.ts';

/** What identity asks about owners. */
export function ownerRoutes(app: Server, { db }: { db: Database<Tables> }): void {
  app.put(
    '/internal/owners/:id/closure',
    {
      config: { access: { services: ['identity'] } },
      schema: {
        operationId: 'closeOwner',
        summary: 'End the relation with somebody who has no account left; they open none from then on',
        hide: true,
        params: body({ id: idSchema('usr') }),
        body: body({ attempt: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) }),
        response: { 204: Type.Null(), ...problemResponses('validation_failed', 'conflict') },
      },
    },
    async (request, reply) => {
      const owner = parseId('usr', request.params.id);
      if (owner === undefined) throw accountNotFound();
      await closeOwner(db, { owner, attempt: BigInt(request.body.attempt) });
      return reply.code(204).send(null);
    },
  );
}
