import { type Database, type IdempotentAnswer, runIdempotently, type Transaction } from '@florin/database';
import { MAX_MINOR_UNITS } from '@florin/money';
import { newUuid, problem } from '@florin/service';
import { accountName } from '../accounts/public-id.ts';
import { systemAccountId } from '../accounts/system-accounts.ts';
import { notFound } from '../errors.ts';
import type { Tables } from '../tables.ts';
import { type Party, transactionView } from '../transactions/transaction-view.ts';
import { payments } from './payment-metrics.ts';
import { insertPayment } from './payment-queries.ts';

/** A valid wish to bring money in from outside. */
export interface Deposit {
  /** uuid of the account to credit. */
  account: string;
  /** Minor units of `currency`, at least 1. */
  amount: bigint;
  currency: string;
  provider: string;
  source: { type: string; token: string };
  description: string | null;
  metadata: Record<string, string>;
}

/** On whose behalf, and under which key. */
export interface DepositRequest {
  caller: { id: string; userId: string };
  key: string;
  fingerprint: Buffer;
  /** Of the request, for problem bodies. */
  path: string;
  traceId: string;
}

/**
 * Writes a pending deposit: key, payment and answer in one transaction. The provider hears of it afterwards, from
 * whoever calls providers: wake them. A frozen account may receive.
 * @throws ProblemError not_found when the account is not the caller's; account_closed,
 *   currency_mismatch and limit_exceeded are answers.
 */
export async function createDeposit(
  db: Database<Tables>,
  deposit: Deposit,
  request: DepositRequest,
): Promise<IdempotentAnswer> {
  const { caller, key, fingerprint, path } = request;
  const answer = await runIdempotently(db, { caller: caller.id, key, fingerprint, path }, async (tx) => {
    const account = await receivingAccount(tx, deposit, request);
    const id = newUuid();
    const createdAt = await insertPayment(tx, {
      ...deposit,
      id,
      type: 'deposit',
      accountId: deposit.account,
      ownerId: caller.userId,
      initiatedBy: caller.id,
      traceId: request.traceId,
    });
    const view = transactionView(
      {
        ...deposit,
        id,
        type: 'deposit',
        status: 'pending',
        from: externalParty(deposit),
        to: account,
        entries: [],
        reversalOf: null,
        holdId: null,
        createdAt,
        postedAt: null,
        effectiveAt: null,
      },
      { ownerId: caller.userId },
    );
    return { status: 202, body: view };
  });
  if (answer.status === 202 && !answer.replayed) {
    payments.inc({ provider: deposit.provider, type: 'deposit', status: 'pending' });
  }
  return answer;
}

function externalParty({ provider, currency }: Deposit): Party {
  const name = `external:${provider}`;
  return { id: systemAccountId(name, currency), name, ownerId: null };
}

async function receivingAccount(tx: Transaction<Tables>, deposit: Deposit, { caller }: DepositRequest) {
  const account = await tx
    .selectFrom('ledger_accounts')
    .select(['id', 'name', 'owner_id as ownerId', 'currency', 'status'])
    .where('id', '=', deposit.account)
    .executeTakeFirst();
  if (!account || account.ownerId !== caller.userId) throw notFound('account');
  const name = accountName(account);
  if (account.status === 'closed') throw problem('account_closed', `Account ${name} is closed.`);
  if (account.currency !== deposit.currency) {
    throw problem('currency_mismatch', `Account ${name} is kept in ${account.currency}.`);
  }
  if (deposit.amount > MAX_MINOR_UNITS) throw problem('limit_exceeded', `Account ${name} cannot hold that much.`);
  return account;
}
