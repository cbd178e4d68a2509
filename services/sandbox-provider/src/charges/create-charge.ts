import { type Database, inTransaction } from '@florin/database';
import { newUuid } from '@florin/service';
import type { Tables } from '../tables.ts';
import { type Behaviour, behaviourOf, behaviourOfIban } from './behaviours.ts';
import { type ChargeRequest, callbacksOf } from './charge.ts';
import { type Charge, findCharge, insertCallbacks, insertCharge } from './charge-queries.ts';

/** What became of a request for a charge. */
export type Creation =
  | { kind: 'created'; id: string; behaviour: Behaviour }
  | { kind: 'repeated'; id: string }
  | { kind: 'unknown_source' }
  | { kind: 'reference_taken' };

const prefixes = { charge: 'ch', payout: 'po' } as const;
const iban = /^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$/;

const newId = (prefix: 'ch' | 'po' | 'evt') => `${prefix}_${newUuid().replaceAll('-', '')}`;

function isSame(charge: Charge, request: ChargeRequest): boolean {
  return (
    charge.kind === request.kind &&
    charge.amount === request.amount &&
    charge.currency === request.currency &&
    charge.sourceType === request.source.type &&
    charge.sourceToken === request.source.token
  );
}

/**
 * Accepts a charge or payout together with the webhooks it will send, in one transaction.
 * The reference is the client's idempotency key: the same charge again is the first one, another charge under it is refused.
 */
export async function createCharge(db: Database<Tables>, request: ChargeRequest, now: Date): Promise<Creation> {
  const { kind, source } = request;
  const behaviour = kind === 'payout' && iban.test(source.token) ? behaviourOfIban : behaviourOf(source.token);
  if (!behaviour) return { kind: 'unknown_source' };
  return inTransaction(db, async (tx): Promise<Creation> => {
    const charge = { id: newId(prefixes[kind]), request, behaviour };
    if (await insertCharge(tx, charge)) {
      await insertCallbacks(
        tx,
        charge.id,
        callbacksOf(charge, () => newId('evt'), now),
      );
      return { kind: 'created', id: charge.id, behaviour };
    }
    const existing = await findCharge(tx, kind, request.reference);
    return existing && isSame(existing, request) ? { kind: 'repeated', id: existing.id } : { kind: 'reference_taken' };
  });
}
