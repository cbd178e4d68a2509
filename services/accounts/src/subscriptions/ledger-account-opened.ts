import { ledgerAccountOpened } from '@florin/contracts';
import type { Transaction } from '@florin/database';
import { subscribe } from '@florin/messaging';
import { parseId } from '@florin/service';
import { activatePending } from '../accounts/status-queries.ts';
import type { Tables } from '../tables.ts';

/** The ledger has opened an account: one that was pending here becomes active. */
export const onLedgerAccountOpened = subscribe(
  ledgerAccountOpened,
  'accounts.ledger',
  async (tx: Transaction<Tables>, events) => {
    const ids = events.map((event) => parseId('acc', event.data.account)).filter((id) => id !== undefined);
    await activatePending(tx, ids);
  },
);
