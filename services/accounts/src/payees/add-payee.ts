import { type Database, type IdempotentAnswer, runIdempotently } from '@florin/database';
import { formatId, newUuid } from '@florin/service';
import { Counter } from 'prom-client';
import { checkingFields, ownerClosed, payeeKnown, tooManyPayees } from '../errors.ts';
import { lockOwner } from '../owners/owner-queries.ts';
import type { Tables } from '../tables.ts';
import { type Payee, readAccountNumber } from './payee.ts';
import { countPayees, insertPayee } from './payee-queries.ts';
import { viewPayee } from './payee-view.ts';

/** What payees are kept in, and how many of them at most. */
export interface PayeeBook {
  db: Database<Tables>;
  perOwner: number;
}

/** Whom somebody wants to pay to, and the request for its replays. `owner` is a UUID. */
export interface PayeeRequest {
  owner: string;
  name: string;
  accountNumber: string;
  key: string | undefined;
  fingerprint: Buffer;
}

const added = new Counter({ name: 'payees_added_total', help: 'Payees added' });

/**
 * Adds a payee. The owner's lock makes the number of payees exact, and lets none be added beside an erasure that has
 * just deleted them.
 *
 * @throws {ProblemError} validation_failed, conflict, limit_exceeded, and what `runIdempotently` throws
 */
export async function addPayee({ db, perOwner }: PayeeBook, request: PayeeRequest): Promise<IdempotentAnswer> {
  const { owner, name, key, fingerprint } = request;
  const accountNumber = checkingFields(() => readAccountNumber(request.accountNumber));
  const payee: Payee = { id: newUuid(), owner, name, accountNumber, createdAt: new Date() };
  const answer = await runIdempotently(db, { caller: formatId('usr', owner), key, fingerprint }, async (tx) => {
    if ((await lockOwner(tx, owner)).closedAt !== null) throw ownerClosed();
    if ((await countPayees(tx, owner, perOwner)) >= perOwner) throw tooManyPayees(perOwner);
    if (!(await insertPayee(tx, payee))) throw payeeKnown();
    return { status: 201, body: viewPayee(payee) };
  });
  if (answer.status === 201 && !answer.replayed) added.inc();
  return answer;
}
