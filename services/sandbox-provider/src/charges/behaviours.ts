/** What a webhook can tell of a charge or payout. */
export type EventName = 'pending' | 'succeeded' | 'failed';

/** One webhook that a behaviour sends. */
export interface PlannedCallback {
  event: EventName;
  /** Milliseconds after the charge was accepted. */
  afterMs: number;
  /** Signed with a key that is not ours, and sent once only. */
  forged?: true;
}

/** What the provider does with a charge or payout; chosen by the token of its source or destination. */
export interface Behaviour {
  /** What becomes of the charge; known to GET /charges once `settlesAfterMs` have passed. */
  outcome: 'succeeded' | { code: string; message: string };
  settlesAfterMs: number;
  /** How long the answer to POST /charges is held back, in milliseconds. */
  answersAfterMs: number;
  /** Webhooks that tell the same event share one event id. */
  callbacks: readonly PlannedCallback[];
}

const succeeded: PlannedCallback = { event: 'succeeded', afterMs: 0 };

const usual: Behaviour = { outcome: 'succeeded', settlesAfterMs: 0, answersAfterMs: 0, callbacks: [succeeded] };

/** The tokens that the provider knows. A new behaviour is one row. */
const behaviours: ReadonlyMap<string, Behaviour> = new Map<string, Behaviour>([
  ['tok_ok', usual],
  [
    'tok_declined',
    {
      ...usual,
      outcome: { code: 'card_declined', message: 'The issuer declined the payment.' },
      callbacks: [{ event: 'failed', afterMs: 0 }],
    },
  ],
  ['tok_slow', { ...usual, settlesAfterMs: 5_000, callbacks: [{ ...succeeded, afterMs: 5_000 }] }],
  ['tok_duplicate', { ...usual, callbacks: [succeeded, succeeded, succeeded] }],
  ['tok_silent', { ...usual, callbacks: [] }],
  ['tok_timeout', { ...usual, answersAfterMs: 10_000 }],
  ['tok_reordered', { ...usual, callbacks: [succeeded, { event: 'pending', afterMs: 500 }] }],
  [
    'tok_bad_signature',
    {
      ...usual,
      callbacks: [
        { ...succeeded, forged: true },
        { ...succeeded, afterMs: 500 },
      ],
    },
  ],
]);

/** What happens with an account that is named by its IBAN. */
export const behaviourOfIban: Behaviour = usual;

/** The behaviour behind a source token, or undefined for a token the provider does not know. */
export function behaviourOf(token: string): Behaviour | undefined {
  return behaviours.get(token);
}
