import { formatId } from '@florin/service';

/** A customer has as many at most: each one of them is told of each event. */
export const mostEndpoints = 50;

/** How long a secret still signs after it was rotated. */
export const oldSecretMs = 24 * 3_600_000;
/** Of one endpoint, at a time: each makes the header longer. */
export const mostSecrets = 5;

/** Why an endpoint is disabled: its owner wanted it, it did nothing but fail, or it said that it is gone (410). */
export type DisabledFor = 'owner' | 'failing' | 'gone';

/** Where a customer wants to be told, without its secrets. */
export interface WebhookEndpoint {
  /** uuid */
  id: string;
  url: string;
  events: string[];
  description: string | null;
  status: 'enabled' | 'disabled';
  disabledFor: DisabledFor | null;
  failingSince: Date | null;
  createdAt: Date;
}

/** The endpoint as its owner sees it. */
export function viewEndpoint({ id, createdAt, failingSince, ...same }: WebhookEndpoint) {
  return {
    id: formatId('whe', id),
    ...same,
    failingSince: failingSince?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
  };
}
