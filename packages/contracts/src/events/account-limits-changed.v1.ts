import Type from 'typebox';
import { defineEvent } from '../event-definition.ts';
import { Account } from './account.ts';

/** An operator has changed what may leave an account: its `limits`, which are always there. */
export const accountLimitsChanged = defineEvent(
  'accounts.account.limits-changed.v1',
  Type.Object({ account: Account }),
);
