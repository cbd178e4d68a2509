import { requireUser } from '@florin/auth';
import type { Database } from '@florin/database';
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
import Type, { type Static } from 'typebox';
import { notificationNotFound } from '../errors.ts';
import type { Tables } from '../tables.ts';
import type { Notification } from './notification.ts';
import { listNotifications, markAllRead, markRead } from './notification-queries.ts';

const tags = ['notifications'];
const Instant = Type.String({ format: 'date-time' });

const notificationSchema = Type.Object({
  id: idSchema('ntf'),
  topic: Type.String({ description: 'What happened, such as transaction.posted' }),
  title: Type.String(),
  body: Type.String({ description: 'May be empty' }),
  data: Type.Record(Type.String(), Type.Unknown(), { description: 'Ids of what it is about' }),
  createdAt: Instant,
  readAt: Type.Union([Instant, Type.Null()]),
});

function view(notification: Notification): Static<typeof notificationSchema> {
  const { id, createdAt, readAt, ...rest } = notification;
  return {
    id: formatId('ntf', id),
    ...rest,
    createdAt: createdAt.toISOString(),
    readAt: readAt?.toISOString() ?? null,
  };
}

/** The public routes of the inbox. */
export function notificationRoutes(app: Server, { db }: { db: Database<Tables> }): void {
  listRoute(app, db);
  readRoutes(app, db);
}

function listRoute(app: Server, db: Database<Tables>): void {
  app.get(
    '/v1/notifications',
    {
      config: { access: { scopes: ['notifications:read'] } },
      schema: {
        operationId: 'listNotifications',
        summary: "List one's notifications, newest first",
        tags,
        querystring: body({
          ...pageQuery.properties,
          unread: Type.Optional(Type.Boolean({ description: 'Only those not read yet, or only those read' })),
        }),
        response: { 200: page(notificationSchema), ...problemResponses('validation_failed', 'invalid_cursor') },
      },
    },
    async (request) => {
      const { limit, cursor, unread } = request.query;
      const [before] = cursor === undefined ? [] : decodeCursor(cursor, [cursorPart.uuid]);
      // One more than asked for tells whether another page follows.
      const found = await listNotifications(db, requireUser(request).userId, { unread, before, limit: limit + 1 });
      const last = found.length > limit ? found[limit - 1] : undefined;
      return { data: found.slice(0, limit).map(view), nextCursor: last ? encodeCursor([last.id]) : null };
    },
  );
}

function readRoutes(app: Server, db: Database<Tables>): void {
  const config = { access: { scopes: ['notifications:write' as const] } };
  app.post(
    '/v1/notifications/:id/read',
    {
      config,
      schema: {
        operationId: 'readNotification',
        summary: 'Mark a notification as read; again changes nothing',
        tags,
        params: body({ id: idSchema('ntf') }),
        response: { 200: notificationSchema, ...problemResponses('not_found') },
      },
    },
    async (request) => {
      const id = parseId('ntf', request.params.id);
      const notification = id && (await markRead(db, requireUser(request).userId, id));
      if (!notification) throw notificationNotFound();
      return view(notification);
    },
  );
  app.post(
    '/v1/notifications/read-all',
    {
      config,
      schema: {
        operationId: 'readAllNotifications',
        summary: 'Mark all notifications as read',
        tags,
        response: { 200: Type.Object({ read: Type.Integer({ description: 'How many were not read before' }) }) },
      },
    },
    async (request) => ({ read: await markAllRead(db, requireUser(request).userId) }),
  );
}
