import Type from 'typebox';
import { defineEvent } from '../event-definition.ts';
import { Account } from './account.ts';

/** An operator has lifted a freeze. */
export const accountUnfrozen = defineEvent(
  'accounts.account.unfrozen.v1',
  Type.Object({ account: Account, reason: Type.String() }),
);
