import Type from 'typebox';
import { defineEvent } from '../event-definition.ts';
import { ApiKeyId, Instant, UserId } from '../fields.ts';

/** Access tokens of these API keys must be refused from now until `expiresAt`, when the last of them has expired anyway. */
export const apiKeysRevoked = defineEvent(
  'identity.api-key.revoked.v1',
  Type.Object({
    user: UserId,
    keys: Type.Array(ApiKeyId, { minItems: 1 }),
    revokedAt: Instant,
    expiresAt: Instant,
  }),
);
