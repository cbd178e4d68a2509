import { Readable } from 'node:stream';
import { problemResponses, type Server } from '@florin/service';
import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import { callerOf } from '../caller.ts';
import { overloaded } from '../errors.ts';
import { dataExports } from '../metrics.ts';
import type { Resources } from '../resources.ts';
import { staffUserSchema } from '../users/user-schemas.ts';
import { beginExport, exportFormat } from './export-data.ts';

const exportsAtOnce = 4;
const longestExportMs = 300_000;

const time = Type.String({ format: 'date-time' });
const maybe = Type.Union([time, Type.Null()]);
const list = (description: string) =>
  Type.Array(Type.Record(Type.String(), Type.Unknown()), { description: `${description}, the newest first` });

const exportSchema = Type.Object({
  format: Type.Literal(exportFormat),
  exportedAt: time,
  profile: Type.Object({ ...staffUserSchema.properties, emailVerifiedAt: maybe }),
  signIn: Type.Object({ passwordChangedAt: time, secondFactorSince: maybe, recoveryCodesLeft: Type.Integer() }),
  sessions: list('Sessions, ended ones for a while too'),
  apiKeys: list('API keys without their secrets, revoked ones too'),
  passkeys: list('Passkeys without their keys'),
  mails: list('Mails of the last days: what about, and what became of them; `to` where it was another address'),
  auditLog: list('Entries of the audit log about the caller'),
  accounts: list('As `GET /v1/accounts` shows them'),
  payees: list('As `GET /v1/payees` shows them'),
  transactions: list('As `GET /v1/transactions` shows them'),
  holds: list('As `GET /v1/holds` shows them'),
  payments: list('Deposits and withdrawals with the card or account at the other end'),
  notifications: list('As `GET /v1/notifications` shows them'),
  webhookEndpoints: list('As `GET /v1/webhook-endpoints` shows them, without their secrets'),
  webhookDeliveries: list('Webhooks with their attempts, as `GET /v1/webhook-endpoints/{id}/deliveries` shows them'),
});

/** Everything that is kept of the caller, in one document. */
export function exportRoutes(app: Server, resources: Resources): void {
  let underWay = 0;
  app.get(
    '/v1/me/export',
    {
      config: { access: {} },
      schema: {
        operationId: 'exportMe',
        summary: 'Download everything that is kept of the caller',
        description:
          'One JSON document (GDPR, articles 15 and 20) of any length, written while it is read; five minutes at most. Where a part cannot be read any more, the connection breaks and the document is not JSON: ask again.',
        tags: ['me'],
        response: { 200: exportSchema, ...problemResponses('unauthenticated', 'forbidden', 'upstream_unavailable') },
      },
    },
    async (request, reply) => {
      if (underWay >= exportsAtOnce) throw overloaded('Too many exports are under way.');
      underWay += 1;
      const end = (outcome: 'complete' | 'broken' | 'unavailable') => {
        underWay -= 1;
        dataExports.inc({ outcome });
      };
      const caller = { ...callerOf(request), authorization: request.headers.authorization ?? '' };
      const signal = AbortSignal.timeout(longestExportMs);
      const text = await beginExport(resources, caller, signal).catch((error: unknown) => {
        end('unavailable');
        throw error;
      });
      const stream = Readable.from(text, { objectMode: false, signal });
      stream.once('close', () => end(stream.readableEnded ? 'complete' : 'broken'));
      // What is written piece by piece does not go through the serialiser of the schema.
      const inPieces: FastifyReply = reply;
      inPieces.type('application/json; charset=utf-8');
      inPieces.header('content-disposition', 'attachment; filename="florin-export.json"');
      return inPieces.send(stream);
    },
  );
}
