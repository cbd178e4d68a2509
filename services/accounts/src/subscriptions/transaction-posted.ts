import { transactionPosted } from '@florin/contracts';
import type { Database } from '@florin/database';
import { project } from '@florin/messaging';
import { Histogram } from 'prom-client';
import { newestBalances } from '../balances/balance.ts';
import { writeBalances } from '../balances/balance-queries.ts';
import type { Tables } from '../tables.ts';

const lag = new Histogram({
  name: 'balance_projection_lag_seconds',
  help: 'Time from posting to the projection of the balance, of the oldest posting in each batch',
  buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600],
});

/** Money has moved: the balances of customers' accounts follow. */
export const onTransactionPosted = project(
  transactionPosted,
  'accounts.ledger',
  async (db: Database<Tables>, events) => {
    const postings = events.map((event) => event.data);
    await writeBalances(db, newestBalances(postings));
    const oldest = Math.min(...postings.map(({ transaction }) => Date.parse(transaction.postedAt)));
    lag.observe(Math.max(0, Date.now() - oldest) / 1000);
  },
);
