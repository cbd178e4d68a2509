import { startWorkLoop, type WorkLoop } from '@florin/service';
import { claimLedgerDue } from './status-queries.ts';
import { type Bank, tellLedger } from './tell-ledger.ts';

/**
 * Tells the ledger of accounts that it has not confirmed some seconds after their change: openings, freezes and closings
 * whose request was interrupted or whose call failed. Any number of processes may run it at once.
 */
export function startLedgerSweep(bank: Bank, options: { pollMs: number }): WorkLoop {
  return startWorkLoop({
    claim: (limit) => claimLedgerDue(bank.db, limit),
    work: async (account) => {
      await tellLedger(bank, account);
    },
    onError: (error) => bank.logger.error({ err: error }, 'the ledger sweep failed'),
    concurrency: 4,
    pollMs: options.pollMs,
  });
}
