import { sessionsRevoked } from '@florin/contracts';
import { appendEvents, inTransaction, newEvent, type Transaction } from '@florin/database';
import { formatId } from '@florin/service';
import { sql } from 'kysely';
import { recordAudit } from '../audit/record-audit.ts';
import type { Caller } from '../caller.ts';
import { notFound } from '../errors.ts';
import type { Resources } from '../resources.ts';
import type { Tables } from '../tables.ts';
import type { RevocationReason } from './session.ts';
import { hasSession } from './session-queries.ts';

/** Access tokens are accepted so long after their `exp`, for clocks that differ; the tolerance of @florin/auth. */
export const clockToleranceMs = 5_000;

const sessionsPerEvent = 500;

/**
 * Ends live sessions of a user, all of them, one, or all but one, and tells every gateway in the same transaction. Returns how many
 * it ended: none of those that had ended before.
 */
export async function revokeSessions(
  tx: Transaction<Tables>,
  whose: { userId: string; sessionId?: string; exceptSessionId?: string },
  reason: RevocationReason,
): Promise<number> {
  let update = tx
    .updateTable('sessions')
    .set({ revoked_at: sql<Date>`statement_timestamp()`, revoked_for: reason })
    .where('user_id', '=', whose.userId)
    .where('revoked_at', 'is', null);
  if (whose.sessionId !== undefined) update = update.where('id', '=', whose.sessionId);
  if (whose.exceptSessionId !== undefined) update = update.where('id', '<>', whose.exceptSessionId);
  const revoked = await update.returning(['id', 'revoked_at', 'access_expires_at']).execute();
  const user = formatId('usr', whose.userId);
  const events = [];
  for (let start = 0; start < revoked.length; start += sessionsPerEvent) {
    const part = revoked.slice(start, start + sessionsPerEvent);
    const lastExpiry = Math.max(...part.map((session) => session.access_expires_at.getTime()));
    const data = {
      user,
      sessions: part.map((session) => formatId('ses', session.id)),
      revokedAt: (part[0]?.revoked_at ?? new Date()).toISOString(),
      expiresAt: new Date(lastExpiry + clockToleranceMs).toISOString(),
    };
    events.push(newEvent(sessionsRevoked, { source: 'florin/identity', subject: user, data }));
  }
  await appendEvents(tx, events);
  return revoked.length;
}

/** Ends the session of the caller. */
export async function logOut({ db }: Pick<Resources, 'db'>, caller: Caller, sessionId: string): Promise<void> {
  await inTransaction(db, (tx) => endOne(tx, caller, { sessionId, reason: 'logout' }));
}

/**
 * Ends one of the caller's sessions. Ending it twice is no error.
 *
 * @throws ProblemError not_found for a session that is not there or another user's
 */
export async function endSession({ db }: Pick<Resources, 'db'>, caller: Caller, sessionId: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    const ended = await endOne(tx, caller, { sessionId, reason: 'ended_by_user' });
    if (ended === 0 && !(await hasSession(tx, caller.userId, sessionId))) throw notFound();
  });
}

async function endOne(
  tx: Transaction<Tables>,
  { userId, ip }: Caller,
  { sessionId, reason }: { sessionId: string; reason: RevocationReason },
): Promise<number> {
  const ended = await revokeSessions(tx, { userId, sessionId }, reason);
  if (ended > 0) {
    const facts = { actor: formatId('usr', userId), resource: formatId('ses', sessionId), details: { reason }, ip };
    await recordAudit(tx, { action: 'session.ended', ...facts });
  }
  return ended;
}
