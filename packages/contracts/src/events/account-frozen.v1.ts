import Type from 'typebox';
import { defineEvent } from '../event-definition.ts';
import { Account } from './account.ts';

/** An operator has frozen an account: nothing may be debited from it. */
export const accountFrozen = defineEvent(
  'accounts.account.frozen.v1',
  Type.Object({ account: Account, reason: Type.String() }),
);
