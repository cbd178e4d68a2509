import type { CloudEvent } from '@florin/contracts';
import { appendEvents, inTransaction, type Transaction } from '@florin/database';
import { accountNotFound, ledgerUnavailable, refusal } from '../errors.ts';
import type { Tables } from '../tables.ts';
import { type Account, decide, type Limits, type StatusAction } from './account.ts';
import { sameLimits } from './limits.ts';
import { type ChangeCause, changeStatus, lockAccount } from './status-queries.ts';
import { type Bank, tellLedger } from './tell-ledger.ts';

/** Someone asks for a change of an account's status. */
export interface StatusRequest {
  /** UUID of the account. */
  account: string;
  action: StatusAction;
  cause: ChangeCause;
  /** Whether the caller may do this to the account; otherwise it does not exist for them. */
  permits(account: Account): boolean;
  /** The limits that the account shall have, where they are what changes. */
  limits?(account: Account): Limits;
  /** The event that tells of the change, for actions that take effect before the ledger has agreed. */
  event?(account: Account): CloudEvent;
}

/** Closings of others met on the way; more than that in one request is not chance. */
const maxSettlings = 3;

/**
 * Decides a change under the account's row lock and writes it with its event. Where a closing is under way, learns its
 * outcome from the ledger first. Returns the account as decided; the ledger has not been told of it.
 *
 * @throws {ProblemError} not_found, a refusal, or upstream_unavailable when the outcome of a closing can't be learnt
 */
export async function decideStatus(bank: Bank, request: StatusRequest): Promise<Account> {
  for (let round = 0; round < maxSettlings; round++) {
    const { account, settled } = await inTransaction(bank.db, (tx) => decideLocked(tx, request));
    if (settled) return account;
    if ((await tellLedger(bank, account)) === 'unknown') break;
  }
  throw ledgerUnavailable();
}

async function decideLocked(tx: Transaction<Tables>, request: StatusRequest) {
  const account = await lockAccount(tx, request.account);
  if (!account || !request.permits(account)) throw accountNotFound();
  const decision = decide(request.action, account.status);
  switch (decision.do) {
    case 'refuse':
      throw refusal(decision.code);
    case 'settle':
      return { account, settled: false };
    case 'repeat':
      return { account, settled: true };
    case 'change': {
      const limits = request.limits?.(account) ?? account.limits;
      // Decided already, as by an earlier copy of the request: the ledger may lack it.
      if (decision.to === account.status && sameLimits(limits, account.limits)) return { account, settled: true };
      const changed = await changeStatus(tx, { ...account, limits }, decision.to, request.cause);
      if (request.event) await appendEvents(tx, [request.event(changed)]);
      return { account: changed, settled: true };
    }
  }
}
