import Type from 'typebox';
import { defineEvent } from '../event-definition.ts';
import { UserId } from '../fields.ts';

/** Someone has registered with identity. */
export const userRegistered = defineEvent(
  'identity.user.registered.v1',
  Type.Object({
    user: Type.Object({
      id: UserId,
      email: Type.String(),
      name: Type.String(),
      /** BCP 47 */
      locale: Type.String(),
    }),
  }),
);
