import type { Database, Transaction } from '@florin/database';
import { newUuid } from '@florin/service';
import { type Kysely, sql } from 'kysely';
import type { Tables } from '../tables.ts';
import { type MailEnd, type MailKind, resetMails } from './mail.ts';

/** A mail taken for one attempt. `attempts` counts this one too; `userId` or `address` is there, or both. */
export interface ClaimedMail {
  id: string;
  kind: MailKind;
  userId: string | null;
  address: string | null;
  attempts: number;
  /** Since it was asked for. */
  ageMs: number;
}

/** Whom a mail goes to. */
export interface Recipient {
  id: string;
  email: string;
  locale: string;
  isActive: boolean;
  isVerified: boolean;
}

/**
 * Asks for a mail to a user, in the transaction of what it tells about: to `address`, or where he reads his mails when it
 * goes out.
 */
export async function queueMail(
  tx: Transaction<Tables>,
  kind: MailKind,
  userId: string,
  address: string | null = null,
): Promise<void> {
  await tx.insertInto('mails').values({ id: newUuid(), kind, user_id: userId, address }).execute();
}

/** Asks for a reset mail to an address, whether anybody has it or not: the same work either way. */
export async function queueResetMail(db: Kysely<Tables>, address: string): Promise<void> {
  await db.insertInto('mails').values({ id: newUuid(), kind: 'reset_password', user_id: null, address }).execute();
}

/**
 * Takes due mails, oldest first. No other worker sees them until `leaseMs` have passed, so an attempt that died with
 * its process is made again then.
 */
export async function claimMails(db: Database<Tables>, limit: number, leaseMs: number): Promise<ClaimedMail[]> {
  const { rows } = await sql<ClaimedMail>`
    update mails
    set due_at = now() + ${leaseMs} * interval '1 millisecond', attempts = attempts + 1
    where id in (
      select id from mails where state = 'waiting' and due_at <= now()
      order by due_at limit ${limit} for update skip locked
    )
    returning id, kind, user_id as "userId", address, attempts,
      extract(epoch from now() - created_at)::float8 * 1000 as "ageMs"`.execute(db);
  return rows;
}

/** The user behind a mail, locked against change until the transaction ends; undefined when nobody has the address. */
export async function lockRecipient(
  tx: Transaction<Tables>,
  { userId, address }: Pick<ClaimedMail, 'userId' | 'address'>,
): Promise<Recipient | undefined> {
  const query = tx.selectFrom('users').select(['id', 'email', 'locale', 'status', 'email_verified_at']).forUpdate();
  const found = await (userId === null
    ? query.where('email', '=', address ?? '')
    : query.where('id', '=', userId)
  ).executeTakeFirst();
  if (found === undefined) return undefined;
  const { status, email_verified_at, ...same } = found;
  return { ...same, isActive: status === 'active', isVerified: email_verified_at !== null };
}

/**
 * Gives a reset mail to the user who turned out to have the address, and forgets the address. False, and nothing done,
 * when it comes too soon after another of his, or is one too many in 24 hours. The user must be locked.
 */
export async function takeResetMail(tx: Transaction<Tables>, mailId: string, userId: string): Promise<boolean> {
  const { rows } = await sql`
    update mails as own set user_id = ${userId}, address = null
    where own.id = ${mailId}
      and not exists (
        select from mails where user_id = ${userId} and kind = 'reset_password' and state <> 'dropped'
          and created_at > own.created_at - ${resetMails.pauseMs} * interval '1 millisecond')
      and (
        select count(*) from mails where user_id = ${userId} and kind = 'reset_password' and state <> 'dropped'
          and created_at > own.created_at - interval '24 hours') < ${resetMails.perDay}
    returning own.id`.execute(tx);
  return rows.length > 0;
}

/** Whether a mail is still to be sent. With its user locked, it stays so until the transaction ends. */
export async function isWaiting(tx: Transaction<Tables>, id: string): Promise<boolean> {
  const found = await tx
    .selectFrom('mails')
    .select('id')
    .where('id', '=', id)
    .where('state', '=', 'waiting')
    .executeTakeFirst();
  return found !== undefined;
}

/** Records how a mail ended; it is not tried again. An address that belongs to nobody is forgotten. */
export async function endMail(db: Kysely<Tables>, id: string, state: MailEnd): Promise<void> {
  await db
    .updateTable('mails')
    .set({ state, ended_at: sql<Date>`now()`, address: null })
    .where('id', '=', id)
    .where('state', '=', 'waiting')
    .execute();
}

/** Records that a mail did not get away and comes again `delayMs` from now. */
export async function retryMail(db: Kysely<Tables>, id: string, delayMs: number): Promise<void> {
  await db
    .updateTable('mails')
    .set({ due_at: sql<Date>`now() + ${delayMs} * interval '1 millisecond'` })
    .where('id', '=', id)
    .execute();
}

/** Drops the reset mails of a locked user that have not gone out: they would carry new tokens. */
export async function dropResetMails(tx: Transaction<Tables>, user: { id: string; email: string }): Promise<void> {
  await tx
    .updateTable('mails')
    .set({ state: 'dropped', ended_at: sql<Date>`now()`, address: null })
    .where((where) => where.or([where('user_id', '=', user.id), where('address', '=', user.email)]))
    .where('kind', '=', 'reset_password')
    .where('state', '=', 'waiting')
    .execute();
}

/** Drops the mails to new addresses of a locked user that have not gone out. */
export async function dropEmailChanges(tx: Transaction<Tables>, userId: string): Promise<void> {
  await tx
    .updateTable('mails')
    .set({ state: 'dropped', ended_at: sql<Date>`now()`, address: null })
    .where('user_id', '=', userId)
    .where('kind', '=', 'change_email')
    .where('state', '=', 'waiting')
    .execute();
}

/** How many mails to new addresses the user has asked for in the last 24 hours, whatever became of them. */
export async function countEmailChanges(tx: Transaction<Tables>, userId: string): Promise<number> {
  const { count } = await tx
    .selectFrom('mails')
    .select((column) => column.fn.countAll<bigint>().as('count'))
    .where('user_id', '=', userId)
    .where('kind', '=', 'change_email')
    .where('created_at', '>', sql<Date>`now() - interval '24 hours'`)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** How many mails wait, and for how many seconds the oldest has. */
export async function countWaitingMails(db: Kysely<Tables>): Promise<{ count: number; oldestSeconds: number }> {
  const { rows } = await sql<{ count: number; oldestSeconds: number }>`
    select count(*)::int as count,
      coalesce(extract(epoch from now() - min(created_at)), 0)::float8 as "oldestSeconds"
    from mails where state = 'waiting'`.execute(db);
  return rows[0] ?? { count: 0, oldestSeconds: 0 };
}
