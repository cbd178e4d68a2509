import type { UserPrincipal } from '@florin/auth';
import type { Database } from '@florin/database';
import { newUuid } from '@florin/service';
import { context } from '@opentelemetry/api';
import { isStaff } from '../accounts/may-read.ts';
import type { Command, SubmittedAnswer } from '../engine/command.ts';
import type { PostingEngine } from '../engine/posting-engine.ts';
import { amountOf, notFound, Refusal } from '../errors.ts';
import type { Tables } from '../tables.ts';
import { findTransaction } from '../transactions/transaction-queries.ts';
import { refusedBy } from '../transfers/transfer.ts';
import { decideReversal } from './reversal.ts';

/** What the body says: all that is left of the transaction, unless it says how much. */
export interface ReversalWish {
  readonly amount?: string;
  readonly reason?: string;
}

/** Who wishes it, under which key. */
export interface ReversalCall {
  readonly caller: UserPrincipal;
  readonly key: string;
  readonly fingerprint: Buffer;
  readonly path: string;
  readonly traceId: string;
}

/** Takes a transaction back; resolves after the commit. @throws {ProblemError} not_found, forbidden, … */
export async function reverseTransaction(
  { db, engine }: { db: Database<Tables>; engine: PostingEngine },
  originalId: string | undefined,
  { amount, reason }: ReversalWish,
  call: ReversalCall,
): Promise<SubmittedAnswer> {
  if (originalId === undefined) throw notFound('transaction');
  const command = commandFor(call);
  // The accounts of a transaction never change, so they may be read ahead of the lock.
  const sides = await db
    .selectFrom('transactions')
    .select(['debit_account_id', 'credit_account_id'])
    .where('id', '=', originalId)
    .executeTakeFirst();
  if (!sides) return await engine.submit(await refusalOfUnposted(db, originalId, command, call));
  const read = (text: string, currency: string) => amountOf({ amount: text, currency });
  const reversal = { id: command.id, of: originalId, amount, read, reason: reason ?? null };
  return await engine.submit({
    ...command,
    accounts: [sides.debit_account_id, sides.credit_account_id],
    reversalsOf: [originalId],
    decide: (state) => decideReversal(state, reversal, { ...call, context: command.context }),
  });
}

function commandFor({ caller, key, fingerprint }: ReversalCall): Omit<Command, 'accounts' | 'decide'> {
  return {
    id: newUuid(),
    kind: 'reversal',
    idempotency: { caller: caller.id, key, fingerprint },
    context: context.active(),
  };
}

/** For what is on its way or has failed: there is nothing to take back. The no is kept under the key as any other. */
async function refusalOfUnposted(
  db: Database<Tables>,
  id: string,
  command: Omit<Command, 'accounts' | 'decide'>,
  call: ReversalCall,
): Promise<Command> {
  const found = await findTransaction(db, id);
  if (!found || !(isStaff(call.caller) || found.ownerIds.includes(call.caller.userId))) throw notFound('transaction');
  const refusal = new Refusal('not_reversible', 'The transaction is not posted.');
  return { ...command, accounts: [], decide: () => refusedBy(refusal, call) };
}
