import Type from 'typebox';
import { defineEvent } from '../event-definition.ts';
import { AccountId } from '../fields.ts';

/** The ledger has the account: money can move on it. */
export const ledgerAccountOpened = defineEvent(
  'transactions.ledger-account.opened.v1',
  Type.Object({
    account: AccountId,
    /** The account version that the ledger has seen. */
    version: Type.Integer({ minimum: 1 }),
  }),
);
