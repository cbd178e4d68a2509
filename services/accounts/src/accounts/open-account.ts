import { appendEvents, errorCode, type IdempotentAnswer, inTransaction } from '@florin/database';
import { newUuid, problem } from '@florin/service';
import { Counter } from 'prom-client';
import { type NumberRange, newAccountNumber } from '../account-numbers/account-number.ts';
import { checkingFields, ownerClosed } from '../errors.ts';
import { lockOwner } from '../owners/owner-queries.ts';
import { type Account, type AccountType, checkCurrency, readGoal } from './account.ts';
import { openedEvent } from './account-events.ts';
import { findAccount, insertAccount } from './account-queries.ts';
import { viewAccount } from './account-view.ts';
import { noLimits } from './limits.ts';
import { claimKey, findOpening, keepAnswer, type OpeningKey } from './opening-keys.ts';
import { type Bank, tellLedger } from './tell-ledger.ts';

/** What a customer asks for. `owner` is a UUID. */
export interface OpeningRequest {
  owner: string;
  name: string;
  type: AccountType;
  currency: string;
  goal?: { amount: string; dueDate?: string };
}

const opened = new Counter({
  name: 'accounts_opened_total',
  help: 'Accounts opened',
  labelNames: ['type', 'currency'],
});

const numberAttempts = 5;

/**
 * Opens an account: row, event and key in one transaction, then the ledger is told. Where it can't be told now, the
 * account is pending and the event or the sweep opens it later.
 *
 * A key stands for one account for ever. Its answer is kept when it is known and is the same for every request with
 * the key; a request that finds the account without an answer, because the first one died, finishes its work.
 *
 * @throws {ProblemError} validation_failed, idempotency_key_reused, conflict when the relation with the owner has ended
 */
export async function openAccount(
  bank: Bank & { numbers: NumberRange },
  request: OpeningRequest,
  key: OpeningKey | undefined,
): Promise<IdempotentAnswer> {
  const account = await writeAccount(bank, draft(request), key);
  if (account) {
    opened.inc({ type: account.type, currency: account.currency });
    await tellLedger(bank, account);
    return await answer(bank, account.id, key);
  }
  return await answerAgain(bank, key);
}

function draft(request: OpeningRequest): Omit<Account, 'accountNumber'> {
  const { owner, name, type, currency } = request;
  const createdAt = new Date();
  const today = createdAt.toISOString().slice(0, 10);
  const goal = checkingFields(() => {
    checkCurrency(currency);
    return request.goal ? readGoal(request.goal, request, today) : null;
  });
  return {
    id: newUuid(),
    owner,
    name,
    type,
    currency,
    status: 'pending',
    version: 1,
    goal,
    limits: noLimits,
    createdAt,
  };
}

/** Undefined when the key is taken. Account numbers are random: one that is taken is drawn again. */
async function writeAccount(
  bank: Bank & { numbers: NumberRange },
  wanted: Omit<Account, 'accountNumber'>,
  key: OpeningKey | undefined,
): Promise<Account | undefined> {
  for (let attempt = 1; ; attempt++) {
    const account = { ...wanted, accountNumber: newAccountNumber(bank.numbers) };
    try {
      return await inTransaction(bank.db, async (tx) => {
        if (key && !(await claimKey(tx, key, account.id))) return undefined;
        // The end of the relation is decided under the same lock.
        if ((await lockOwner(tx, account.owner)).closedAt !== null) throw ownerClosed();
        await insertAccount(tx, account);
        await appendEvents(tx, [openedEvent(account)]);
        return account;
      });
    } catch (error) {
      if (!isNumberTaken(error) || attempt >= numberAttempts) throw error;
    }
  }
}

function isNumberTaken(error: unknown): boolean {
  if (errorCode(error) !== '23505' || typeof error !== 'object' || error === null) return false;
  return 'constraint' in error && error.constraint === 'accounts_account_number_key';
}

/** The answer to a request whose key has been used before. */
async function answerAgain(bank: Bank, key: OpeningKey | undefined): Promise<IdempotentAnswer> {
  const opening = key && (await findOpening(bank.db, key));
  if (!key || !opening) throw new Error('A taken key has disappeared');
  if (!opening.fingerprint.equals(key.fingerprint)) {
    throw problem('idempotency_key_reused', 'This Idempotency-Key was used for another request.');
  }
  if (opening.answer !== null) return { status: 201, body: opening.answer, replayed: true };
  const account = await findAccount(bank.db, opening.account);
  if (account?.status === 'pending') await tellLedger(bank, account);
  return await answer(bank, opening.account, key);
}

async function answer(bank: Bank, id: string, key: OpeningKey | undefined): Promise<IdempotentAnswer> {
  const account = await findAccount(bank.db, id);
  if (!account) throw new Error('An account has disappeared');
  const body = JSON.stringify(viewAccount(account));
  if (!key || (await keepAnswer(bank.db, key, body))) return { status: 201, body, replayed: false };
  const kept = (await findOpening(bank.db, key))?.answer;
  if (!kept) throw new Error('A kept answer has disappeared');
  return { status: 201, body: kept, replayed: true };
}
