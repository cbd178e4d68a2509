import { hkdfSync, randomBytes } from 'node:crypto';
import { seal, unseal } from '@florin/database';

/** Keys for one purpose each, all derived from WEBHOOK_SECRETS_KEY. 32 bytes each. */
export interface WebhookKeys {
  /** Encrypts the secrets of endpoints in the database. */
  readonly endpointSecrets: Buffer;
  /** Encrypts answers that are kept for replays and hold such a secret. */
  readonly keptAnswers: Buffer;
}

/** Derives the keys (HKDF-SHA-256). The same master key gives the same keys in every process and release. */
export function deriveWebhookKeys(masterKey: Buffer): WebhookKeys {
  const derive = (purpose: string) =>
    Buffer.from(hkdfSync('sha256', masterKey, '', `florin/notification/${purpose}`, 32));
  return { endpointSecrets: derive('endpoint-secrets'), keptAnswers: derive('kept-answers') };
}

/** A new signing secret: 24 to 64 bytes by the specification. */
export function newSecret(): Buffer {
  return randomBytes(32);
}

/** A secret as its owner is shown it. */
export function shownSecret(secret: Buffer): string {
  return `whsec_${secret.toString('base64')}`;
}

/** What a sealed secret is bound to. */
export const secretContext = (endpointId: string): string => `webhook endpoint ${endpointId}`;

/** A secret as it stands in the table, bound to its endpoint. */
export function sealSecret(keys: WebhookKeys, endpointId: string, secret: Buffer): Buffer {
  return seal(keys.endpointSecrets, secretContext(endpointId), secret);
}

/** @throws Error when it was sealed with another key or for another endpoint */
export function openSecret(keys: WebhookKeys, endpointId: string, sealed: Buffer): Buffer {
  return unseal(keys.endpointSecrets, secretContext(endpointId), sealed);
}
