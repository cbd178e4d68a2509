import { formatId } from '@florin/service';
import type { Kysely } from 'kysely';
import { recordAudit } from '../audit/record-audit.ts';
import type { Tables } from '../tables.ts';

/** Whose proof was refused. */
export interface RefusedProof {
  /** uuid; undefined where nobody has the email or passkey. */
  userId: string | undefined;
  /** Whether he was logged in already and stepped up. */
  isSteppingUp?: boolean;
  ip: string | undefined;
  /** Whether it was the last guess for a while. */
  locks: boolean;
}

/**
 * Writes down why a login or step-up was refused. Of an unknown email nothing is written but that somebody guessed: what
 * people type there may be a password.
 */
export async function recordRefusal(
  db: Kysely<Tables>,
  reason: string,
  { userId, isSteppingUp = false, ip, locks }: RefusedProof,
): Promise<void> {
  const resource = userId === undefined ? 'unknown' : formatId('usr', userId);
  const facts = { actor: isSteppingUp ? resource : 'anonymous', resource, ip };
  if (reason === 'mfa_required') return await recordAudit(db, { ...facts, action: 'login.mfa_required' });
  const details = { reason, ...(isSteppingUp && { stepUp: true }) };
  await recordAudit(db, { ...facts, action: 'login.failed', details });
  if (locks) await recordAudit(db, { ...facts, action: 'login.locked' });
}
