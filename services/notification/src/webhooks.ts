import type { WebhookKeys } from './webhook-endpoints/endpoint-secrets.ts';
import type { TargetRules } from './webhook-targets/check-target.ts';

/** What the routes of webhooks work with beyond the database. */
export interface Webhooks extends TargetRules {
  readonly keys: WebhookKeys;
  /** Says that something is to be delivered. */
  wake(): void;
}

/** Who asks, and the request for its replays. */
export interface KeyedCaller {
  /** `usr_…` */
  readonly id: string;
  /** uuid */
  readonly userId: string;
  readonly key: string | undefined;
  readonly fingerprint: Buffer;
  /** Of the request, without its query. */
  readonly path: string;
}
