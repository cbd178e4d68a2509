import type { UserPrincipal } from '@florin/auth';
import type { TransactionView } from '../transactions/transaction-view.ts';
import { destinationOf, type TransferDesk, transferOf } from './post-transfer.ts';
import { readState } from './read-state.ts';
import { effectOf, type TransferRequest } from './transfer.ts';
import type { TransferWish } from './transfer-body.ts';
import { accountsOf } from './transfer-rules.ts';

/** A transaction that does not exist: what a transfer would become now. Its id will never be seen again. */
export interface DryRun extends TransactionView {
  readonly dryRun: true;
}

/**
 * Decides a transfer by the rules that post it, and writes nothing.
 * @throws {ProblemError} what the transfer would be refused with
 */
export async function dryRunTransfer(
  desk: Omit<TransferDesk, 'engine'>,
  wish: TransferWish,
  request: TransferRequest & { readonly caller: UserPrincipal },
): Promise<DryRun> {
  const transfer = transferOf(desk.policy, request.caller, wish, await destinationOf(desk, wish));
  const state = await readState(desk.db, accountsOf(transfer), [transfer.from]);
  return { ...effectOf(state, transfer, request).view, dryRun: true };
}
