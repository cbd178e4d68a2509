import { type EventDefinition, holdCaptured, holdCreated, holdExpired, holdVoided } from '@florin/contracts';
import type { Transaction } from '@florin/database';
import { subscribe } from '@florin/messaging';
import { heldBalances } from '../balances/balance.ts';
import { writeBalances } from '../balances/balance-queries.ts';
import type { Tables } from '../tables.ts';

type HoldChange = typeof holdCreated extends EventDefinition<infer Data> ? Data : never;

function follow(definition: EventDefinition<HoldChange>) {
  return subscribe(definition, 'accounts.ledger', async (tx: Transaction<Tables>, events) => {
    await writeBalances(tx, heldBalances(events.map(({ time, data }) => ({ asOf: time, data }))));
  });
}

/** A hold was made or has ended: what is held on its account follows. */
export const onHoldChanges = [holdCreated, holdCaptured, holdVoided, holdExpired].map(follow);
