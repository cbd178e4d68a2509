import { hasRole, requireUser, type UserPrincipal } from '@florin/auth';
import type { Database } from '@florin/database';
import { body, formatId, idSchema, parseId, problemResponses, type Server } from '@florin/service';
import Type from 'typebox';
import type { Tables } from '../tables.ts';
import { listTold, type Told } from './told-queries.ts';

const time = Type.String({ format: 'date-time' });

const toldSchema = Type.Object({
  id: idSchema('whd'),
  endpoint: idSchema('whe'),
  event: idSchema('evt'),
  type: Type.String(),
  status: Type.Enum(['pending', 'succeeded', 'failed']),
  attempts: Type.Integer(),
  lastStatus: Type.Union([Type.Integer(), Type.Null()]),
  createdAt: time,
  lastAttemptAt: Type.Union([time, Type.Null()]),
});

/** What was told of a transaction. For transactions, which asks with the token of whoever asked there. */
export function toldRoutes(app: Server, { db }: { db: Database<Tables> }): void {
  const schema = {
    operationId: 'listWebhooksOfTransaction',
    summary:
      "Webhooks about a transaction to the caller's endpoints, to all of them for staff; oldest first, 100 at most",
    hide: true,
    querystring: body({ transaction: idSchema('txn') }),
    response: { 200: Type.Object({ data: Type.Array(toldSchema) }), ...problemResponses('validation_failed') },
  };
  app.get(
    '/internal/webhook-deliveries',
    { config: { access: { scopes: ['transactions:read'] } }, schema },
    async (request) => {
      const user = requireUser(request);
      const transaction = parseId('txn', request.query.transaction);
      if (transaction === undefined) return { data: [] };
      const found = await listTold(db, transaction, isStaff(user) ? undefined : user.userId);
      return { data: found.map(viewTold) };
    },
  );
}

function isStaff(user: UserPrincipal): boolean {
  return hasRole(user, 'operator') || hasRole(user, 'auditor');
}

function viewTold({ id, endpointId, eventId, createdAt, lastAttemptAt, ...same }: Told) {
  return {
    id: formatId('whd', id),
    endpoint: formatId('whe', endpointId),
    event: formatId('evt', eventId),
    ...same,
    createdAt: createdAt.toISOString(),
    lastAttemptAt: lastAttemptAt?.toISOString() ?? null,
  };
}
