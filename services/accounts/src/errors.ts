import { type ProblemError, problem } from '@florin/service';
import { InvalidFieldError, type Refusal } from './accounts/account.ts';

const details: Record<Refusal, string> = {
  account_not_active: 'The account is not active yet.',
  account_frozen: 'The account is frozen.',
  account_closed: 'The account is closed.',
  account_not_empty: 'The balance of the account is not zero, or money is held on it.',
};

/** The problem that a refusal of the life-cycle is to the caller. */
export function refusal(code: Refusal): ProblemError {
  return problem(code, details[code]);
}

/** One answer for accounts that don't exist and accounts of others, so that nobody learns which exist. */
export function accountNotFound(): ProblemError {
  return problem('not_found', 'There is no such account.');
}

/** Somebody who has an account that is not closed. */
export function ownerHasAccounts(): ProblemError {
  return problem('conflict', 'There are accounts that are not closed.');
}

/** Somebody whose relation to the bank ends, or has ended. */
export function ownerClosed(): ProblemError {
  return problem('conflict', 'This customer relation is being closed: no account can be opened, and no payee added.');
}

/** One answer for payees that don't exist and payees of others. */
export function payeeNotFound(): ProblemError {
  return problem('not_found', 'There is no such payee.');
}

/** The owner has a payee with that account number. */
export function payeeKnown(): ProblemError {
  return problem('conflict', 'There is a payee with this account number already.');
}

/** The owner has as many payees as anybody may have. */
export function tooManyPayees(most: number): ProblemError {
  return problem('limit_exceeded', `A person may have ${most} payees: remove some first.`);
}

/** The ledger has not confirmed in time. What was asked may have taken effect; asking again is safe. */
export function ledgerUnavailable(): ProblemError {
  return problem('upstream_unavailable', 'The ledger has not confirmed this yet. Please repeat the request.', {
    retryAfterSeconds: 2,
  });
}

/** The projection of the balance is still older than asked for. */
export function projectionBehind(): ProblemError {
  return problem('upstream_unavailable', 'The balance is not that new here yet. Please repeat the request.', {
    retryAfterSeconds: 1,
  });
}

/** Runs rules over a request's fields and turns what they refuse into validation_failed with the field's pointer. */
export function checkingFields<Result>(rules: () => Result): Result {
  try {
    return rules();
  } catch (error) {
    if (!(error instanceof InvalidFieldError)) throw error;
    const { pointer, message } = error;
    throw problem('validation_failed', 'The request is not valid.', { errors: [{ pointer, message }] });
  }
}
