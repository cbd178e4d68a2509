import type { BatchWrites } from '../engine/batch-decision.ts';

/** What a batch writes that changes nothing. */
export const noWrites: BatchWrites = {
  accounts: [],
  transactions: [],
  payments: [],
  newHolds: [],
  changedHolds: [],
  limitUses: [],
  rows: [],
  answers: [],
  events: [],
};
