import { defineEvent } from '../event-definition.ts';
import { HoldChange } from './hold.ts';

/** A hold was not used in time; its money is free again. */
export const holdExpired = defineEvent('transactions.hold.expired.v1', HoldChange);
