import { requireUser } from '@florin/auth';
import { body, problemResponses, type Server } from '@florin/service';
import Type from 'typebox';
import { notFound } from '../errors.ts';
import type { Resources } from '../resources.ts';
import { updateProfile } from './update-profile.ts';
import { viewUser } from './user.ts';
import { findUser } from './user-queries.ts';
import { localeSchema, nameSchema, userSchema } from './user-schemas.ts';

/** The caller himself. */
export function meRoutes(app: Server, resources: Resources): void {
  app.get(
    '/v1/me',
    {
      config: { access: { apiKeys: true } },
      schema: {
        operationId: 'readMe',
        summary: 'Who the caller is',
        tags: ['me'],
        response: { 200: userSchema, ...problemResponses('unauthenticated') },
      },
    },
    async (request) => {
      const user = await findUser(resources.db, requireUser(request).userId);
      if (user === undefined) throw notFound();
      return viewUser(user);
    },
  );
  app.patch(
    '/v1/me',
    {
      config: { access: {} },
      schema: {
        operationId: 'updateMe',
        summary: 'Change name or locale',
        tags: ['me'],
        body: body({ name: Type.Optional(nameSchema), locale: Type.Optional(localeSchema) }),
        response: { 200: userSchema, ...problemResponses('validation_failed', 'unauthenticated') },
      },
    },
    async (request) => viewUser(await updateProfile(resources, requireUser(request).userId, request.body)),
  );
}
