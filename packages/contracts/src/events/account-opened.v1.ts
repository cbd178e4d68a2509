import Type from 'typebox';
import { defineEvent } from '../event-definition.ts';
import { Account } from './account.ts';

/** A customer has opened an account; the ledger has it already, or opens it on this event. */
export const accountOpened = defineEvent('accounts.account.opened.v1', Type.Object({ account: Account }));
