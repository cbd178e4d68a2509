import { randomUUID } from 'node:crypto';
import { type CloudEvent, transactionPosted } from '@florin/contracts';
import { newEvent } from '@florin/database';
import { formatId, newUuid } from '@florin/service';
import type { Caller, TestService } from './test-service.ts';

/** An endpoint as its owner is shown it once. */
export interface MadeEndpoint {
  id: string;
  url: string;
  events: string[];
  status: string;
  disabledFor: string | null;
  failingSince: string | null;
  createdAt: string;
  secret: string;
}

/** A delivery as its owner is shown it. */
export interface ShownDelivery {
  id: string;
  endpoint: string;
  event: string;
  type: string;
  status: string;
  attemptCount: number;
  attempts: { number: number; status: number | null; error: string | null; latencyMs: number; answer: string | null }[];
  nextAttemptAt: string | null;
}

/** Makes an endpoint of this person's. */
export async function makeEndpoint(
  service: TestService,
  caller: Caller,
  url: string,
  events: string[] = ['*'],
): Promise<MadeEndpoint> {
  const headers = { 'idempotency-key': randomUUID() };
  const answer = await service.call(caller, 'POST /v1/webhook-endpoints', { body: { url, events }, headers });
  if (answer.status !== 201) throw new Error(`no endpoint was made: ${answer.text}`);
  return answer.json<MadeEndpoint>();
}

/** The deliveries of an endpoint, newest first. */
export async function deliveriesOf(service: TestService, caller: Caller, id: string): Promise<ShownDelivery[]> {
  const answer = await service.call(caller, `GET /v1/webhook-endpoints/${id}/deliveries?limit=100`);
  return answer.json<{ data: ShownDelivery[] }>().data;
}

/** The event of a transfer, or of another type, from one person to another; null: the bank. */
export function postedEvent(
  from: string | null,
  to: string | null,
  changes: { type?: string; reversalOf?: string | null; description?: string } = {},
): CloudEvent {
  const { type = 'transfer', reversalOf = null, description = 'Lunch' } = changes;
  const at = new Date().toISOString();
  const entry = (owner: string | null, amount: string) => ({
    ...{
      account: owner === null ? 'external:sandbox' : formatId('acc', newUuid()),
      owner,
      accountNumber: null,
      amount,
    },
    ...{ currency: 'USD', balanceAfter: '100.00', heldAfter: '0.00', version: 1 },
  });
  const entries = [entry(from, '-12.50'), entry(to, '12.50')];
  const [debited, credited] = entries.map(({ account }) => account);
  const id = formatId('txn', newUuid());
  const transaction = {
    ...{ id, type, amount: '12.50', currency: 'USD', from: debited ?? '', to: credited ?? '', description, reversalOf },
    ...{ createdAt: at, postedAt: at, effectiveAt: at },
  };
  return newEvent(transactionPosted, { source: 'florin/transactions', subject: id, data: { transaction, entries } });
}
