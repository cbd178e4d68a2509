import type { Database } from '@florin/database';
import { payeeNotFound } from '../errors.ts';
import type { Tables } from '../tables.ts';
import type { Payee } from './payee.ts';
import { deletePayee } from './payee-queries.ts';

/** Forgets a payee; what was paid to them stays as it is. @throws {ProblemError} not_found */
export async function removePayee(db: Database<Tables>, payee: Pick<Payee, 'id' | 'owner'>): Promise<void> {
  if (!(await deletePayee(db, payee))) throw payeeNotFound();
}
