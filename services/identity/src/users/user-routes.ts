import { requireUser } from '@florin/auth';
import {
  body,
  cursorPart,
  decodeCursor,
  encodeCursor,
  idSchema,
  page,
  pageQuery,
  parseId,
  problemResponses,
  type Server,
} from '@florin/service';
import Type from 'typebox';
import { callerOf } from '../caller.ts';
import { findErasedUser, listErasedUsers } from '../erasure/erased-user-queries.ts';
import { viewErasedUser } from '../erasure/erasure.ts';
import { notFound } from '../errors.ts';
import type { Resources } from '../resources.ts';
import { changeUser } from './change-user.ts';
import { normaliseEmail, viewUserForStaff } from './user.ts';
import { findUser, listUsers } from './user-queries.ts';
import { kycLevelSchema, listedStatusSchema, roleSchema, staffUserSchema, statusSchema } from './user-schemas.ts';

const params = body({ id: idSchema('usr') });
const config = { access: { roles: ['operator' as const] } };
const tags = ['users'];

/** Users, for operators. */
export function userRoutes(app: Server, resources: Resources): void {
  listRoute(app, resources);
  app.get(
    '/v1/users/:id',
    {
      config,
      schema: {
        operationId: 'readUser',
        summary: 'Read a user',
        tags,
        params,
        response: { 200: staffUserSchema, ...problemResponses('unauthenticated', 'forbidden', 'not_found') },
      },
    },
    async ({ params: { id } }) => {
      const user = await findUser(resources.db, uuidOf(id));
      if (user !== undefined) return viewUserForStaff(user);
      const erased = await findErasedUser(resources.db, uuidOf(id));
      if (erased === undefined) throw notFound();
      return viewErasedUser(erased);
    },
  );
  app.patch(
    '/v1/users/:id',
    {
      config,
      schema: {
        operationId: 'changeUser',
        summary: 'Disable or enable a user, set the KYC level; as admin, set roles',
        description: 'Disabling a user, or taking a role away, ends all their sessions and revokes their API keys.',
        tags,
        params,
        body: body({
          roles: Type.Optional(Type.Array(roleSchema, { minItems: 1, uniqueItems: true })),
          status: Type.Optional(statusSchema),
          kycLevel: Type.Optional(kycLevelSchema),
        }),
        response: {
          200: staffUserSchema,
          ...problemResponses('validation_failed', 'unauthenticated', 'forbidden', 'not_found', 'conflict'),
        },
      },
    },
    async (request) => {
      const changer = { ...callerOf(request), roles: requireUser(request).roles };
      return viewUserForStaff(await changeUser(resources, changer, uuidOf(request.params.id), request.body));
    },
  );
}

function listRoute(app: Server, { db }: Resources): void {
  app.get(
    '/v1/users',
    {
      config,
      schema: {
        operationId: 'listUsers',
        summary: 'List users, the newest first',
        description: 'Those who have been erased, of whom an id is left, only with `status=erased`.',
        tags,
        querystring: body({
          ...pageQuery.properties,
          email: Type.Optional(Type.String({ minLength: 1, maxLength: 254, description: 'The whole email' })),
          status: Type.Optional(listedStatusSchema),
        }),
        response: { 200: page(staffUserSchema), ...problemResponses('invalid_cursor', 'unauthenticated', 'forbidden') },
      },
    },
    async ({ query }) => {
      const [before] = query.cursor === undefined ? [] : decodeCursor(query.cursor, [cursorPart.uuid]);
      const email = query.email === undefined ? undefined : normaliseEmail(query.email);
      // One more than asked for tells whether there is a next page.
      const place = { before, limit: query.limit + 1 };
      if (query.status === 'erased') {
        const found = email === undefined ? await listErasedUsers(db, place) : [];
        return pageOf(found, query.limit, viewErasedUser);
      }
      return pageOf(await listUsers(db, { email, status: query.status }, place), query.limit, viewUserForStaff);
    },
  );
}

function pageOf<Row extends { id: string }, View>(found: Row[], limit: number, view: (row: Row) => View) {
  const shown = found.slice(0, limit);
  const last = shown.at(-1);
  return {
    data: shown.map(view),
    nextCursor: found.length > shown.length && last !== undefined ? encodeCursor([last.id]) : null,
  };
}

function uuidOf(id: string): string {
  const uuid = parseId('usr', id);
  if (uuid === undefined) throw notFound();
  return uuid;
}
