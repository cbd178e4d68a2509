import Type from 'typebox';

/** A decimal with the full scale of its currency, negative where money leaves: `"-12.50"`. */
export const SignedAmount = Type.String({ pattern: '^-?(0|[1-9][0-9]*)(\\.[0-9]+)?$' });

/** ISO 4217 code, or `XLM`, `HBAR`. */
export const Currency = Type.String({ pattern: '^[A-Z]{3,4}$' });

/** RFC 3339 UTC with milliseconds. */
export const Instant = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z$' });

export const UserId = Type.String({ pattern: '^usr_[0-7][0-9a-hjkmnp-tv-z]{25}$' });
export const SessionId = Type.String({ pattern: '^ses_[0-7][0-9a-hjkmnp-tv-z]{25}$' });
export const ApiKeyId = Type.String({ pattern: '^key_[0-7][0-9a-hjkmnp-tv-z]{25}$' });
export const AccountId = Type.String({ pattern: '^acc_[0-7][0-9a-hjkmnp-tv-z]{25}$' });
export const HoldId = Type.String({ pattern: '^hld_[0-7][0-9a-hjkmnp-tv-z]{25}$' });
export const TransactionId = Type.String({ pattern: '^txn_[0-7][0-9a-hjkmnp-tv-z]{25}$' });

/** One side of a transaction: an account of a customer, or the public name of one of the bank's own (`external:sandbox`). */
export const Party = Type.String({ minLength: 1 });
