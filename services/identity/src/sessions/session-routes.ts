import { requireUser } from '@florin/auth';
import {
  body,
  cursorPart,
  decodeCursor,
  encodeCursor,
  formatId,
  idSchema,
  page,
  pageQuery,
  parseId,
  problemResponses,
  type Server,
} from '@florin/service';
import Type from 'typebox';
import { callerOf } from '../caller.ts';
import { notFound } from '../errors.ts';
import type { Resources } from '../resources.ts';
import { endSession } from './revoke-session.ts';
import { listSessions } from './session-queries.ts';

const sessionSchema = Type.Object({
  id: idSchema('ses'),
  current: Type.Boolean({ description: 'Whether it is the session of this call' }),
  userAgent: Type.Union([Type.String(), Type.Null()], { description: 'What the client called itself at the login' }),
  createdAt: Type.String({ format: 'date-time' }),
  lastUsedAt: Type.String({ format: 'date-time', description: 'Last login or refresh' }),
  expiresAt: Type.String({ format: 'date-time' }),
});

/** The caller's sessions. */
export function sessionRoutes(app: Server, resources: Resources): void {
  listRoute(app, resources);
  app.delete(
    '/v1/me/sessions/:id',
    {
      config: { access: {} },
      schema: {
        operationId: 'endSession',
        summary: 'End one of the caller’s sessions',
        tags: ['me'],
        params: body({ id: idSchema('ses') }),
        response: { 204: Type.Null(), ...problemResponses('unauthenticated', 'not_found') },
      },
    },
    async (request, reply) => {
      const sessionId = parseId('ses', request.params.id);
      if (sessionId === undefined) throw notFound();
      await endSession(resources, callerOf(request), sessionId);
      return reply.code(204).send(null);
    },
  );
}

function listRoute(app: Server, { db }: Resources): void {
  app.get(
    '/v1/me/sessions',
    {
      config: { access: {} },
      schema: {
        operationId: 'listSessions',
        summary: 'List the caller’s live sessions, the newest first',
        tags: ['me'],
        querystring: pageQuery,
        response: { 200: page(sessionSchema), ...problemResponses('invalid_cursor', 'unauthenticated') },
      },
    },
    async (request) => {
      const user = requireUser(request);
      const { cursor, limit } = request.query;
      const [before] = cursor === undefined ? [] : decodeCursor(cursor, [cursorPart.uuid]);
      // One more than asked for tells whether there is a next page.
      const found = await listSessions(db, user.userId, { before, limit: limit + 1 });
      const shown = found.slice(0, limit);
      const last = shown.at(-1);
      const data = shown.map((session) => {
        const id = formatId('ses', session.id);
        return {
          id,
          current: id === user.sessionId,
          userAgent: session.userAgent,
          createdAt: session.createdAt.toISOString(),
          lastUsedAt: session.lastUsedAt.toISOString(),
          expiresAt: session.expiresAt.toISOString(),
        };
      });
      return { data, nextCursor: found.length > shown.length && last !== undefined ? encodeCursor([last.id]) : null };
    },
  );
}
