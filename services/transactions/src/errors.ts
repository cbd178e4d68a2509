import { isCurrency, MoneyError, parseAmount } from '@florin/money';
import { ProblemError, problem } from '@florin/service';

/** A money rule's no, thrown by rules: 422, and kept under the idempotency key. */
export class Refusal extends ProblemError {}

/** One answer for what doesn't exist and what is another's, so that nobody learns which exist. */
export function notFound(what: 'account' | 'transaction' | 'hold'): ProblemError {
  return problem('not_found', `There is no such ${what}.`);
}

/** A field of the request that no schema could refuse. `pointer` is a JSON pointer into body or query. */
export function invalidField(pointer: string, message: string): ProblemError {
  return problem('validation_failed', 'The request is not valid.', { errors: [{ pointer, message }] });
}

/**
 * The `amount` in `currency` of the object at `pointer` of the body, in minor units.
 * @throws {ProblemError} validation_failed
 */
export function amountOf({ amount, currency }: { amount: string; currency: string }, pointer = ''): bigint {
  if (!isCurrency(currency)) throw invalidField(`${pointer}/currency`, 'is not a currency that Florin knows');
  try {
    return parseAmount(amount, currency);
  } catch (error) {
    if (error instanceof MoneyError) throw invalidField(`${pointer}/amount`, error.message);
    throw error;
  }
}
