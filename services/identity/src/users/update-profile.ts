import { invalidField, notFound } from '../errors.ts';
import type { Resources } from '../resources.ts';
import { canonicalLocale, type User } from './user.ts';
import { findUser, updateUser } from './user-queries.ts';

/** What people may change of themselves. */
export interface ProfileChange {
  name?: string;
  locale?: string;
}

/** Changes what is given, and only that. @throws ProblemError validation_failed for an impossible locale */
export async function updateProfile(
  { db }: Pick<Resources, 'db'>,
  userId: string,
  change: ProfileChange,
): Promise<User> {
  const locale = change.locale === undefined ? undefined : canonicalLocale(change.locale);
  if (change.locale !== undefined && locale === undefined) {
    throw invalidField('/locale', 'must be a BCP 47 language tag');
  }
  const changed = {
    ...(change.name !== undefined && { name: change.name }),
    ...(locale !== undefined && { locale }),
  };
  const user = Object.keys(changed).length === 0 ? await findUser(db, userId) : await updateUser(db, userId, changed);
  if (user === undefined) throw notFound();
  return user;
}
