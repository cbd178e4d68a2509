import Type from 'typebox';
import { defineEvent } from '../event-definition.ts';
import { UserId } from '../fields.ts';

/** Someone has another email address, proven to be theirs. */
export const userEmailChanged = defineEvent(
  'identity.user.email-changed.v1',
  Type.Object({ user: Type.Object({ id: UserId, email: Type.String() }) }),
);
