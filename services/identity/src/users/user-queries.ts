import { planKeeper, type Transaction } from '@florin/database';
import { type Kysely, sql } from 'kysely';
import type { Tables } from '../tables.ts';
import type { User, UserStatus } from './user.ts';

const columns = [
  'id',
  'email',
  'name',
  'locale',
  'roles',
  'status',
  'kyc_level as kycLevel',
  'email_verified_at as emailVerifiedAt',
  'created_at as createdAt',
] as const;

/** The user with this id. */
export async function findUser(db: Kysely<Tables>, id: string): Promise<User | undefined> {
  return await db.selectFrom('users').select(columns).where('id', '=', id).executeTakeFirst();
}

/** The user with this id, whom nobody else can change until the transaction ends. */
export async function lockUser(tx: Transaction<Tables>, id: string): Promise<User | undefined> {
  return await tx.selectFrom('users').select(columns).where('id', '=', id).forUpdate().executeTakeFirst();
}

/** Whether the user is active; the user then stays so until the transaction ends. */
export async function lockActiveUser(tx: Transaction<Tables>, id: string): Promise<boolean> {
  const query = tx.selectFrom('users').select('id').where('id', '=', id).where('status', '=', 'active').forShare();
  return (await query.executeTakeFirst()) !== undefined;
}

const keepFinding = planKeeper('find-credentials');

/** What a login is checked against; `email` normalised. */
export async function findCredentials(
  db: Kysely<Tables>,
  email: string,
): Promise<{ id: string; status: UserStatus; passwordHash: string } | undefined> {
  return await db
    .selectFrom('users')
    .innerJoin('passwords', 'passwords.user_id', 'users.id')
    .select(['users.id', 'users.status', 'passwords.hash as passwordHash'])
    .where('users.email', '=', email)
    .$call(keepFinding)
    .executeTakeFirst();
}

/** Whether somebody has this normalised email. */
export async function isEmailTaken(db: Kysely<Tables>, email: string): Promise<boolean> {
  const found = await db.selectFrom('users').select('id').where('email', '=', email).executeTakeFirst();
  return found !== undefined;
}

/** Stores a new user with a password hash; false, and nothing stored, when the email is taken. */
export async function insertUser(tx: Transaction<Tables>, user: User, passwordHash: string): Promise<boolean> {
  const { emailVerifiedAt, createdAt, kycLevel, ...same } = user;
  const inserted = await tx
    .insertInto('users')
    .values({
      ...same,
      kyc_level: kycLevel,
      email_verified_at: emailVerifiedAt,
      created_at: createdAt,
      updated_at: createdAt,
    })
    .onConflict((conflict) => conflict.column('email').doNothing())
    .returning('id')
    .executeTakeFirst();
  if (inserted === undefined) return false;
  await tx.insertInto('passwords').values({ user_id: user.id, hash: passwordHash, changed_at: createdAt }).execute();
  return true;
}

/** Changes what is given and returns the user as it is then. */
export async function updateUser(
  db: Kysely<Tables>,
  id: string,
  { kycLevel, ...change }: Partial<Pick<User, 'name' | 'locale' | 'roles' | 'status' | 'kycLevel'>>,
): Promise<User | undefined> {
  return await db
    .updateTable('users')
    .set({ ...change, ...(kycLevel && { kyc_level: kycLevel }), updated_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .returning(columns)
    .executeTakeFirst();
}

/**
 * Gives a locked user another email, proven to be his; false, and nothing done, when somebody has it.
 *
 * @throws Error with code 23505 when somebody takes it at the same moment
 */
export async function moveToEmail(tx: Transaction<Tables>, id: string, email: string): Promise<boolean> {
  const { rows } = await sql`
    update users set email = ${email}, email_verified_at = clock_timestamp(), updated_at = clock_timestamp()
    where id = ${id} and not exists (select from users where email = ${email})
    returning id`.execute(tx);
  return rows.length > 0;
}

/** Records that mails to the user's address are read by the user. The first time counts. */
export async function markEmailVerified(tx: Transaction<Tables>, id: string): Promise<void> {
  await tx
    .updateTable('users')
    .set({ email_verified_at: sql<Date>`clock_timestamp()`, updated_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .where('email_verified_at', 'is', null)
    .execute();
}

/** One page of users, the newest first: those registered before the user `before`. */
export async function listUsers(
  db: Kysely<Tables>,
  filter: { email?: string | undefined; status?: UserStatus | undefined },
  place: { before?: string | undefined; limit: number },
): Promise<User[]> {
  let query = db.selectFrom('users').select(columns).orderBy('id', 'desc').limit(place.limit);
  if (filter.email !== undefined) query = query.where('email', '=', filter.email);
  if (filter.status !== undefined) query = query.where('status', '=', filter.status);
  if (place.before !== undefined) query = query.where('id', '<', place.before);
  return await query.execute();
}
