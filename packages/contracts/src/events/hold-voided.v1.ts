import { defineEvent } from '../event-definition.ts';
import { HoldChange } from './hold.ts';

/** A hold was given up; its money is free again. */
export const holdVoided = defineEvent('transactions.hold.voided.v1', HoldChange);
