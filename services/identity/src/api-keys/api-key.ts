import type { Scope } from '@florin/auth';
import { formatId } from '@florin/service';

/** An API key without its secret, which nobody can read again. */
export interface ApiKey {
  /** uuid */
  id: string;
  name: string;
  scopes: Scope[];
  /** The beginning of the secret, for people to tell keys apart. */
  prefix: string;
  /** Addresses and networks; null: any. */
  allowedIps: string[] | null;
  createdAt: Date;
  /** Null: good until revoked. */
  expiresAt: Date | null;
  /** To the minute. */
  lastUsedAt: Date | null;
}

/** The key as its owner sees it. */
export interface ApiKeyView {
  id: string;
  name: string;
  scopes: Scope[];
  prefix: string;
  allowedIps: string[] | null;
  createdAt: string;
  expiresAt: string | null;
  lastUsedAt: string | null;
}

const shownLength = 12;

/** What of a secret may be shown: `flk_` and eight of its 43 random characters. */
export function prefixOf(secret: string): string {
  return secret.slice(0, shownLength);
}

/** Shows a key. */
export function viewApiKey({ id, createdAt, expiresAt, lastUsedAt, ...same }: ApiKey): ApiKeyView {
  return {
    id: formatId('key', id),
    ...same,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt?.toISOString() ?? null,
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
  };
}
