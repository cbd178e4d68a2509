import { defineEvent } from '../event-definition.ts';
import { HoldChange } from './hold.ts';

/** Money of an account is set aside. */
export const holdCreated = defineEvent('transactions.hold.created.v1', HoldChange);
