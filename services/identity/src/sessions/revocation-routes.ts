import { body, formatId, idSchema, problemResponses, type Server } from '@florin/service';
import Type from 'typebox';
import { listRevokedKeys } from '../api-keys/api-key-queries.ts';
import { keyTokensLiveMs } from '../api-keys/revoke-api-keys.ts';
import { databaseNow } from '../database-clock.ts';
import { listErasedTokens } from '../erasure/erased-user-queries.ts';
import type { Resources } from '../resources.ts';
import { clockToleranceMs } from './revoke-session.ts';
import { listRevocations } from './session-queries.ts';

// A revocation carries the time of its statement but shows only after its commit, some seconds later at most.
const overlapMs = 15_000;

/** What a starting gateway loads before it lets anyone in. */
export function revocationRoutes(app: Server, { db }: Resources): void {
  app.get(
    '/internal/revocations',
    {
      config: { access: { services: ['gateway'] } },
      schema: {
        operationId: 'listRevocations',
        summary: 'Ended sessions and revoked API keys whose access tokens may still be about',
        description:
          'With `since`, the `asOf` of an earlier answer, only what came later, and some of what came before: repeats do no harm.',
        hide: true,
        querystring: body({ since: Type.Optional(Type.String({ format: 'date-time' })) }),
        response: {
          200: Type.Object({
            data: Type.Array(
              Type.Object({
                session: idSchema('ses'),
                revokedAt: Type.String({ format: 'date-time' }),
                expiresAt: Type.String({ format: 'date-time' }),
              }),
            ),
            keys: Type.Array(
              Type.Object({
                key: idSchema('key'),
                revokedAt: Type.String({ format: 'date-time' }),
                expiresAt: Type.String({ format: 'date-time' }),
              }),
            ),
            asOf: Type.String({ format: 'date-time' }),
          }),
          ...problemResponses('validation_failed', 'unauthenticated', 'forbidden'),
        },
      },
    },
    async ({ query }) => {
      const now = await databaseNow(db);
      const since = query.since === undefined ? undefined : new Date(Date.parse(query.since) - overlapMs);
      const revocations = await listRevocations(db, new Date(now - clockToleranceMs), since);
      const data = revocations.map(({ sessionId, revokedAt, accessExpiresAt }) => ({
        session: formatId('ses', sessionId),
        revokedAt: revokedAt.toISOString(),
        expiresAt: new Date(accessExpiresAt.getTime() + clockToleranceMs).toISOString(),
      }));
      const keysSince = Math.max(now - keyTokensLiveMs, since?.getTime() ?? 0);
      const keys = (await listRevokedKeys(db, new Date(keysSince))).map(({ id, revokedAt }) => ({
        key: formatId('key', id),
        revokedAt: revokedAt.toISOString(),
        expiresAt: new Date(revokedAt.getTime() + keyTokensLiveMs).toISOString(),
      }));
      for (const { id, kind, revokedAt, expiresAt } of await listErasedTokens(db, since)) {
        const times = { revokedAt: revokedAt.toISOString(), expiresAt: expiresAt.toISOString() };
        if (kind === 'session') data.push({ session: formatId('ses', id), ...times });
        else keys.push({ key: formatId('key', id), ...times });
      }
      return { data, keys, asOf: new Date(now).toISOString() };
    },
  );
}
