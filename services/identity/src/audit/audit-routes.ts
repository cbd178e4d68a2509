import {
  body,
  cursorPart,
  decodeCursor,
  encodeCursor,
  formatId,
  idSchema,
  page,
  pageQuery,
  problemResponses,
  type Server,
} from '@florin/service';
import Type from 'typebox';
import { invalidField } from '../errors.ts';
import type { Resources } from '../resources.ts';
import type { ChainedEntry } from './audit-entry.ts';
import { listAuditEntries } from './audit-queries.ts';
import { chainAuditEntries } from './chain-audit-entries.ts';

const text = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 64, description }));
const time = (description: string) => Type.Optional(Type.String({ format: 'date-time', description }));

const entrySchema = Type.Object({
  id: idSchema('evt'),
  sequence: Type.Integer({ description: 'Place in the chain, from 1, without a gap' }),
  at: Type.String({ format: 'date-time' }),
  actor: Type.String({ description: 'usr_…, anonymous or system' }),
  action: Type.String(),
  resource: Type.String({ description: 'usr_…, ses_… or key_…; unknown for an email that nobody has' }),
  details: Type.Record(Type.String(), Type.Unknown()),
  ip: Type.Optional(Type.String({ description: 'Address of the client' })),
});

/** The audit log, for auditors. */
export function auditRoutes(app: Server, { db }: Resources): void {
  app.get(
    '/v1/audit-log',
    {
      config: { access: { roles: ['auditor'] } },
      schema: {
        operationId: 'listAuditLog',
        summary: 'Who did what, the newest first',
        description:
          'Every filter compares the whole value. Entries cannot be changed, and each is chained to the one before.',
        tags: ['audit'],
        querystring: body({
          ...pageQuery.properties,
          actor: text('Who did it'),
          action: text('Such as login.failed'),
          resource: text('Whom or what it happened to'),
          from: time('Not before'),
          to: time('Before'),
        }),
        response: {
          200: page(entrySchema),
          ...problemResponses('validation_failed', 'invalid_cursor', 'unauthenticated', 'forbidden'),
        },
      },
    },
    async ({ query: { limit, cursor, from, to, ...same } }) => {
      const [before] = cursor === undefined ? [] : decodeCursor(cursor, [cursorPart.integer]);
      const period = { from: timeOf('from', from), to: timeOf('to', to) };
      // Whoever reads sees what happened before the reading, not what a background job had time for.
      await chainAuditEntries(db);
      const place = { before: before === undefined ? undefined : BigInt(before), limit: limit + 1 };
      const found = await listAuditEntries(db, { ...same, ...period }, place);
      const shown = found.slice(0, limit);
      const last = shown.at(-1);
      const nextCursor = found.length > limit && last !== undefined ? encodeCursor([String(last.sequence)]) : null;
      return { data: shown.map(viewEntry), nextCursor };
    },
  );
}

function timeOf(name: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const time = new Date(text);
  // A leap second is a time for the schema, but not for Date.
  if (Number.isNaN(time.getTime())) throw invalidField(`/${name}`, 'must be a time');
  return time;
}

function viewEntry({ id, sequence, at, ip, ...same }: ChainedEntry) {
  return {
    id: formatId('evt', id),
    sequence: Number(sequence),
    at: at.toISOString(),
    ...same,
    ...(ip !== null && { ip }),
  };
}
