import type { Generated } from 'kysely';

/**
 * One payment asked for by a client: a charge takes from its source, a payout gives to it. `amount` is whole minor units, as text;
 * `outcome` counts from `settles_at` on. An IBAN stands where a token would.
 */
export interface ChargesTable {
  id: string;
  kind: Generated<'charge' | 'payout'>;
  reference: string;
  amount: string;
  currency: string;
  source_type: string;
  source_token: string;
  outcome: 'succeeded' | 'failed';
  failure_code: string | null;
  failure_message: string | null;
  created_at: Generated<Date>;
  settles_at: Date;
}

/**
 * One webhook to send, until `delivered_at` is set. `due_at` is when to try next; a worker that takes the row moves it
 * into the future as a lease. `payload` is sent byte for byte, the same at every attempt.
 */
export interface CallbacksTable {
  id: Generated<bigint>;
  charge_id: string;
  event_id: string;
  event_type: string;
  forged: boolean;
  payload: string;
  attempts: Generated<number>;
  due_at: Date;
  last_answer: string | null;
  delivered_at: Date | null;
}

/** Schema `sandbox_provider`. */
export interface Tables {
  charges: ChargesTable;
  callbacks: CallbacksTable;
}
