import { type Kysely, sql } from 'kysely';
import type { ChainedEntry } from '../audit/audit-entry.ts';
import type { Tables } from '../tables.ts';

/** What is kept for somebody's sign-in, without anything that would help to sign in. */
export interface SignInFacts {
  passwordChangedAt: Date;
  /** Of the authenticator app; null where none is on. */
  secondFactorSince: Date | null;
  recoveryCodesLeft: number;
}

/** How the user signs in. */
export async function findSignInFacts(db: Kysely<Tables>, userId: string): Promise<SignInFacts | undefined> {
  const { rows } = await sql<SignInFacts>`
    select passwords.changed_at as "passwordChangedAt", second_factors.confirmed_at as "secondFactorSince",
      (select count(*)::int from recovery_codes where recovery_codes.user_id = passwords.user_id) as "recoveryCodesLeft"
    from passwords left join second_factors on second_factors.user_id = passwords.user_id
    where passwords.user_id = ${userId}`.execute(db);
  return rows[0];
}

/** A page of rows of one person, the newest first: those before the id `before`. */
export interface OwnPage {
  userId: string;
  before: string | undefined;
  limit: number;
}

/** The sessions that are still in the table, ended ones too. */
export async function listAllSessions(db: Kysely<Tables>, { userId, before, limit }: OwnPage) {
  let query = db
    .selectFrom('sessions')
    .select(['id', 'created_at', 'last_used_at', 'expires_at', 'revoked_at', 'revoked_for', 'user_agent', 'ip'])
    .where('user_id', '=', userId)
    .orderBy('id', 'desc')
    .limit(limit);
  if (before !== undefined) query = query.where('id', '<', before);
  return await query.execute();
}

/** All API keys, revoked ones too, without their secrets. */
export async function listAllApiKeys(db: Kysely<Tables>, { userId, before, limit }: OwnPage) {
  let query = db
    .selectFrom('api_keys')
    .select(['id', 'name', 'scopes', 'prefix', 'allowed_ips', 'created_at', 'expires_at', 'last_used_at', 'revoked_at'])
    .where('user_id', '=', userId)
    .orderBy('id', 'desc')
    .limit(limit);
  if (before !== undefined) query = query.where('id', '<', before);
  return await query.execute();
}

/** The passkeys, without what proves them. */
export async function listAllPasskeys(db: Kysely<Tables>, { userId, before, limit }: OwnPage) {
  let query = db
    .selectFrom('passkeys')
    .select(['id', 'name', 'transports', 'backed_up', 'created_at', 'last_used_at'])
    .where('user_id', '=', userId)
    .orderBy('id', 'desc')
    .limit(limit);
  if (before !== undefined) query = query.where('id', '<', before);
  return await query.execute();
}

/** Mails asked for lately; older ones are not known any more. */
export async function listMails(db: Kysely<Tables>, { userId, before, limit }: OwnPage) {
  let query = db
    .selectFrom('mails')
    .select(['id', 'kind', 'state', 'address', 'created_at', 'ended_at'])
    .where('user_id', '=', userId)
    .orderBy('id', 'desc')
    .limit(limit);
  if (before !== undefined) query = query.where('id', '<', before);
  return await query.execute();
}

const columns = sql`sequence, id, at, actor, action, resource, details, ip`;

/**
 * A page of the audit log's entries about somebody, the newest first: what he did to himself, and what was done to him,
 * his sessions and keys. What a member of the staff did to others is not about him. Each of the three ways to find an
 * entry is read from its index.
 */
export async function listEntriesAbout(
  db: Kysely<Tables>,
  user: string,
  { before, limit }: { before: bigint | undefined; limit: number },
): Promise<ChainedEntry[]> {
  const older = before === undefined ? sql`true` : sql`sequence < ${before}`;
  const part = (condition: ReturnType<typeof sql>) => sql`
    (select ${columns} from audit_log where ${condition} and ${older} order by sequence desc limit ${limit})`;
  const notAboutOthers = sql`(resource not like 'usr\\_%' or resource = ${user})`;
  const { rows } = await sql<ChainedEntry>`
    select distinct on (sequence) ${columns} from (
      ${part(sql`actor = ${user} and ${notAboutOthers}`)}
      union all ${part(sql`resource = ${user}`)}
      union all ${part(sql`details ? 'user' and details ->> 'user' = ${user}`)}
    ) as found order by sequence desc limit ${limit}`.execute(db);
  return rows;
}
