import Type from 'typebox';
import { defineEvent } from '../event-definition.ts';
import { Account } from './account.ts';

/** An account is closed for good; its balance is zero. */
export const accountClosed = defineEvent('accounts.account.closed.v1', Type.Object({ account: Account }));
