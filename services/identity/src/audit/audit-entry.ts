import { createHash } from 'node:crypto';

/** What the audit log tells of. */
export type AuditAction =
  | 'user.registered'
  | 'user.changed'
  | 'user.exported'
  | 'user.erasure_requested'
  | 'user.erasure_refused'
  | 'user.erased'
  | 'login.succeeded'
  | 'login.failed'
  | 'login.locked'
  | 'login.mfa_required'
  | 'session.ended'
  | 'session.refresh_token_reused'
  | 'password.changed'
  | 'password.reset'
  | 'mfa.enabled'
  | 'mfa.disabled'
  | 'mfa.failed'
  | 'passkey.added'
  | 'passkey.removed'
  | 'session.stepped_up'
  | 'email.change_requested'
  | 'email.changed'
  | 'api_key.created'
  | 'api_key.revoked'
  | 'signing_key.created'
  | 'signing_key.retired';

/** Anything JSON can say. Never a secret, and no text that an unknown person typed: it may be a password. */
export type AuditDetails = Record<string, unknown>;

/** One thing that happened, as the log keeps it. */
export interface AuditEntry {
  /** uuid */
  id: string;
  at: Date;
  /** `usr_…`, or 'anonymous' or 'system'. */
  actor: string;
  action: string;
  /** Whom or what it happened to: `usr_…`, `ses_…`, `key_…`; 'unknown' for an email that nobody has. */
  resource: string;
  details: AuditDetails;
  /** The client's address as the gateway saw it. */
  ip: string | null;
}

/** An entry in its place in the chain. */
export interface ChainedEntry extends AuditEntry {
  /** From 1, without a gap. */
  sequence: bigint;
}

/** What the first entry follows. */
export const chainStart: Buffer = Buffer.alloc(32);

/**
 * SHA-256 over the previous entry's hash and this entry's content in one fixed spelling. Changing this function breaks
 * every chain there is.
 */
export function hashEntry(previous: Buffer, entry: ChainedEntry): Buffer {
  const { sequence, id, at, actor, action, resource, details, ip } = entry;
  const content = [String(sequence), id, at.toISOString(), actor, action, resource, canonical(details), ip];
  return createHash('sha256').update(previous).update(JSON.stringify(content)).digest();
}

/** The same value with sorted keys: Postgres keeps JSON's meaning, not its spelling. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(fields.map(([name, field]) => [name, canonical(field)]));
}
