import Type from 'typebox';
import { defineEvent } from '../event-definition.ts';
import { Instant, SessionId, UserId } from '../fields.ts';

/** Access tokens of these sessions must be refused from now until `expiresAt`, when the last of them has expired anyway. */
export const sessionsRevoked = defineEvent(
  'identity.session.revoked.v1',
  Type.Object({
    user: UserId,
    sessions: Type.Array(SessionId, { minItems: 1 }),
    revokedAt: Instant,
    expiresAt: Instant,
  }),
);
