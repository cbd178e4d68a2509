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
import { deviceOf } from './device.ts';
import type { Places } from './places.ts';
import { endSession } from './revoke-session.ts';
import { type ListedSession, listSessions } from './session-queries.ts';

const sessionSchema = Type.Object({
  id: idSchema('ses'),
  current: Type.Boolean({ description: 'Whether it is the session of this call' }),
  userAgent: Type.Union([Type.String(), Type.Null()], { description: 'What the client called itself at the login' }),
  device: Type.Union([Type.String(), Type.Null()], {
    description: 'Browser and system that follow from it, such as `Firefox on Linux`; null for other programs',
  }),
  ip: Type.Union([Type.String(), Type.Null()], { description: "The client's address at the last login or refresh" }),
  place: Type.Union(
    [
      Type.Object({
        country: Type.String({ description: 'ISO 3166-1 alpha-2' }),
        city: Type.Union([Type.String(), Type.Null()]),
      }),
      Type.Null(),
    ],
    { description: 'Roughly where that address is; null where it is not known' },
  ),
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

function listRoute(app: Server, { db, places }: Resources): void {
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
      const data = shown.map((session) => view(session, user.sessionId, places));
      return { data, nextCursor: found.length > shown.length && last !== undefined ? encodeCursor([last.id]) : null };
    },
  );
}

function view(session: ListedSession, currentId: string, places: Places) {
  const id = formatId('ses', session.id);
  return {
    id,
    current: id === currentId,
    userAgent: session.userAgent,
    device: deviceOf(session.userAgent),
    ip: session.ip,
    place: places.of(session.ip),
    createdAt: session.createdAt.toISOString(),
    lastUsedAt: session.lastUsedAt.toISOString(),
    expiresAt: session.expiresAt.toISOString(),
  };
}
