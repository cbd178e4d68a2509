import { requireUser } from '@florin/auth';
import type { Database } from '@florin/database';
import {
  cursorPart,
  decodeCursor,
  encodeCursor,
  page,
  pageQuery,
  parseId,
  problemResponses,
  type Server,
} from '@florin/service';
import type { Tables } from '../tables.ts';
import { listOwnPayments, OwnPaymentSchema } from './own-payments.ts';

/** What the export of a person's data asks for, with that person's own token. */
export function ownPaymentsRoutes(app: Server, { db }: { db: Database<Tables> }): void {
  app.get(
    '/internal/own-payments',
    {
      config: { access: { scopes: ['transactions:read'] } },
      schema: {
        operationId: 'listOwnPayments',
        summary: "The caller's deposits and withdrawals with their instruments, newest first",
        hide: true,
        querystring: pageQuery,
        response: { 200: page(OwnPaymentSchema), ...problemResponses('validation_failed', 'invalid_cursor') },
      },
    },
    async (request) => {
      const { cursor, limit } = request.query;
      const [before] = cursor === undefined ? [] : decodeCursor(cursor, [cursorPart.uuid]);
      // One more than asked for tells whether another page follows.
      const found = await listOwnPayments(db, requireUser(request).userId, { before, limit: limit + 1 });
      const data = found.slice(0, limit);
      const last = found.length > limit ? parseId('txn', data.at(-1)?.id ?? '') : undefined;
      return { data, nextCursor: last === undefined ? null : encodeCursor([last]) };
    },
  );
}
