import { type EventDefinition, holdCaptured, holdCreated, holdExpired, holdVoided } from '@florin/contracts';
import type { Database } from '@florin/database';
import { project } from '@florin/messaging';
import { heldBalances } from '../balances/balance.ts';
import { writeBalances } from '../balances/balance-queries.ts';
import type { Tables } from '../tables.ts';

type HoldChange = typeof holdCreated extends EventDefinition<infer Data> ? Data : never;

function follow(definition: EventDefinition<HoldChange>) {
  return project(definition, 'accounts.ledger', async (db: Database<Tables>, events) => {
    await writeBalances(db, heldBalances(events.map(({ time, data }) => ({ asOf: time, data }))));
  });
}

/** A hold was made or has ended: what is held on its account follows. */
export const onHoldChanges = [holdCreated, holdCaptured, holdVoided, holdExpired].map(follow);
