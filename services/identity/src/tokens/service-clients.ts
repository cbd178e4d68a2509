import { createHash } from 'node:crypto';

/** Name of a service → SHA-256 of its secret. */
export type ServiceClients = ReadonlyMap<string, Buffer>;

/** What is kept of a secret. The secrets are long and random, so a fast hash does. */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
