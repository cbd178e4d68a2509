import { defineEvent } from '../event-definition.ts';
import { HoldChange } from './hold.ts';

/** Held money was taken, all or a part; the rest is free again. The transaction has an event of its own. */
export const holdCaptured = defineEvent('transactions.hold.captured.v1', HoldChange);
