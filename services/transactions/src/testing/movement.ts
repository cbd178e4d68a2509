import { newUuid } from '@florin/service';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import type { Command, TransactionType } from '../engine/command.ts';
import { entriesFor } from '../engine/entries.ts';

/** A command that moves `amount` (minor units) from one account to another without any rule but the engine's own laws. */
export function movementCommand(
  from: string,
  to: string,
  amount: bigint,
  { type = 'deposit', currency = 'USD' }: { type?: TransactionType; currency?: string } = {},
): Command {
  const id = newUuid();
  return {
    id,
    kind: 'movement',
    accounts: [from, to],
    context: ROOT_CONTEXT,
    decide: (state) => ({
      outcome: 'applied',
      transactions: [
        {
          id,
          type,
          amount,
          currency,
          debitAccountId: from,
          creditAccountId: to,
          description: null,
          metadata: { reference: 'test' },
          reversalOf: null,
          holdId: null,
          initiatedBy: 'service:test',
          traceId: null,
          createdAt: state.now,
          postedAt: state.now,
          effectiveAt: state.now,
          entries: entriesFor(state, [
            { account: from, amount: -amount },
            { account: to, amount },
          ]),
        },
      ],
      events: [],
      answer: { status: 201, body: '{}' },
    }),
  };
}
