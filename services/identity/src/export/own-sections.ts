import { formatId } from '@florin/service';
import type { ChainedEntry } from '../audit/audit-entry.ts';
import type { Resources } from '../resources.ts';
import {
  listAllApiKeys,
  listAllPasskeys,
  listAllSessions,
  listEntriesAbout,
  listMails,
  type OwnPage,
} from './export-queries.ts';

const itemsPerPage = 100;
const instant = (at: Date | null) => at?.toISOString() ?? null;

/** The person's rows of one table, page by page, the newest first. */
async function* ownPages<Row extends { id: string }>(
  list: (page: Pick<OwnPage, 'before' | 'limit'>) => Promise<Row[]>,
  view: (row: Row) => object,
): AsyncGenerator<readonly object[]> {
  let before: string | undefined;
  do {
    const rows = await list({ before, limit: itemsPerPage });
    yield rows.map(view);
    before = rows.length < itemsPerPage ? undefined : rows.at(-1)?.id;
  } while (before !== undefined);
}

/** What identity keeps of a person in any number of rows, by the name that it has in the export. */
export function ownSections(
  { db }: Pick<Resources, 'db'>,
  userId: string,
): [string, AsyncGenerator<readonly object[]>][] {
  return [
    [
      'sessions',
      ownPages(
        (page) => listAllSessions(db, { userId, ...page }),
        (row) => ({
          id: formatId('ses', row.id),
          createdAt: instant(row.created_at),
          lastUsedAt: instant(row.last_used_at),
          expiresAt: instant(row.expires_at),
          endedAt: instant(row.revoked_at),
          endedFor: row.revoked_for,
          userAgent: row.user_agent,
          ip: row.ip,
        }),
      ),
    ],
    [
      'apiKeys',
      ownPages(
        (page) => listAllApiKeys(db, { userId, ...page }),
        (row) => ({
          id: formatId('key', row.id),
          name: row.name,
          scopes: row.scopes,
          prefix: row.prefix,
          allowedIps: row.allowed_ips,
          createdAt: instant(row.created_at),
          expiresAt: instant(row.expires_at),
          lastUsedAt: instant(row.last_used_at),
          revokedAt: instant(row.revoked_at),
        }),
      ),
    ],
    [
      'passkeys',
      ownPages(
        (page) => listAllPasskeys(db, { userId, ...page }),
        (row) => ({
          id: formatId('pky', row.id),
          name: row.name,
          transports: row.transports,
          backedUp: row.backed_up,
          createdAt: instant(row.created_at),
          lastUsedAt: instant(row.last_used_at),
        }),
      ),
    ],
    [
      'mails',
      ownPages(
        (page) => listMails(db, { userId, ...page }),
        (row) => ({
          kind: row.kind,
          to: row.address,
          state: row.state,
          createdAt: instant(row.created_at),
          endedAt: instant(row.ended_at),
        }),
      ),
    ],
    ['auditLog', auditPages(db, formatId('usr', userId))],
  ];
}

async function* auditPages(db: Resources['db'], user: string): AsyncGenerator<readonly object[]> {
  let before: bigint | undefined;
  do {
    const entries = await listEntriesAbout(db, user, { before, limit: itemsPerPage });
    yield entries.map((entry) => viewEntry(entry, user));
    before = entries.length < itemsPerPage ? undefined : entries.at(-1)?.sequence;
  } while (before !== undefined);
}

/** Who it was among the staff, and from where, is that person's data. */
function viewEntry({ at, actor, action, resource, details, ip }: ChainedEntry, user: string) {
  const byStaff = actor.startsWith('usr_') && actor !== user;
  return {
    at: at.toISOString(),
    actor: byStaff ? 'staff' : actor,
    action,
    resource,
    details,
    ...(ip !== null && !byStaff && { ip }),
  };
}
