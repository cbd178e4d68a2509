import type { IncomingHttpHeaders } from 'node:http';
import Type from 'typebox';

/** Why a payment came to nothing. Both texts are shown to the customer. */
export interface PaymentFailure {
  code: string;
  message: string;
}

/** Providers know more kinds than we do, so that any word is taken here; what a provider does not know it refuses. */
export const instrumentTypeField = Type.String({
  pattern: '^[a-z][a-z0-9_]{0,49}$',
  description: "Kind of instrument in the provider's words, such as `card` or `bank_account`",
});

/** A card or bank account outside: by the provider's token, or by its IBAN. */
export type Instrument = { type: string; token: string } | { type: string; iban: string };

/** What a provider is asked to do: to take money from the instrument (deposit) or to give it (withdrawal). */
export interface PaymentOrder {
  type: 'deposit' | 'withdrawal';
  /** `txn_…`. The provider's idempotency key: the same order may be given any number of times. */
  reference: string;
  /** Minor units of `currency`, at least 1. */
  amount: bigint;
  currency: string;
  instrument: Instrument;
}

/**
 * The provider's definite answer to an order. `refused` says that the provider will never carry it out.
 * Everything else (no answer, an error of the server, a wrong key of ours) is thrown: the outcome is unknown then.
 */
export type Submission = { kind: 'accepted'; providerReference: string } | { kind: 'refused'; failure: PaymentFailure };

/** What a provider says has become of an order, by webhook or when asked. */
export interface PaymentReport {
  reference: string;
  providerReference: string;
  amount: bigint;
  currency: string;
  outcome: { kind: 'pending' } | { kind: 'succeeded' } | { kind: 'failed'; failure: PaymentFailure };
}

/** A webhook, read. `forged` also stands for a missing or an old signature. */
export type WebhookReading =
  | { kind: 'forged' }
  | { kind: 'unreadable'; reason: string }
  | { kind: 'report'; report: PaymentReport };

/**
 * A payment provider. Another one is a file beside this that implements it, and a row in `providers.ts`.
 * Calls take a deadline from `signal`; they keep no state and are called again after an unknown outcome.
 */
export interface PaymentProvider {
  submit(order: PaymentOrder, signal: AbortSignal): Promise<Submission>;
  /** What has become of the order; undefined when the provider has never seen it. */
  find(order: Pick<PaymentOrder, 'type' | 'reference'>, signal: AbortSignal): Promise<PaymentReport | undefined>;
  /** Verifies the signature over the raw bytes before it looks at anything in them. Pure: `now` is given. */
  readWebhook(headers: IncomingHttpHeaders, rawBody: Buffer, now: Date): WebhookReading;
}

/** The provider gave no definite answer. `status` is the HTTP status, where there was one. */
export class ProviderUnclear extends Error {
  override readonly name = 'ProviderUnclear';
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}
