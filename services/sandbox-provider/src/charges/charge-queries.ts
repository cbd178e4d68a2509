import type { Database, Transaction } from '@florin/database';
import { sql } from 'kysely';
import type { Tables } from '../tables.ts';
import type { Behaviour } from './behaviours.ts';
import type { ChargeKind, ChargeRequest, NewCallback } from './charge.ts';

type Db = Database<Tables> | Transaction<Tables>;

/** A charge as it stands now: pending until it settles. */
export interface Charge {
  id: string;
  kind: ChargeKind;
  reference: string;
  amount: string;
  currency: string;
  sourceType: string;
  sourceToken: string;
  status: 'pending' | 'succeeded' | 'failed';
  failure: { code: string; message: string } | null;
  createdAt: Date;
}

const fromNow = (milliseconds: number) => sql<Date>`now() + ${milliseconds} * interval '1 millisecond'`;

/** Writes a charge; false when its reference exists already, and then nothing is changed. */
export async function insertCharge(
  db: Db,
  charge: { id: string; request: ChargeRequest; behaviour: Behaviour },
): Promise<boolean> {
  const { id, request, behaviour } = charge;
  const failure = behaviour.outcome === 'succeeded' ? null : behaviour.outcome;
  const inserted = await db
    .insertInto('charges')
    .values({
      id,
      kind: request.kind,
      reference: request.reference,
      amount: request.amount,
      currency: request.currency,
      source_type: request.source.type,
      source_token: request.source.token,
      outcome: failure ? 'failed' : 'succeeded',
      failure_code: failure?.code ?? null,
      failure_message: failure?.message ?? null,
      settles_at: fromNow(behaviour.settlesAfterMs),
    })
    .onConflict((conflict) => conflict.column('reference').doNothing())
    .returning('id')
    .executeTakeFirst();
  return inserted !== undefined;
}

/** Writes the webhooks that a charge will send. */
export async function insertCallbacks(db: Db, chargeId: string, callbacks: readonly NewCallback[]): Promise<void> {
  if (callbacks.length === 0) return;
  await db
    .insertInto('callbacks')
    .values(
      callbacks.map((callback) => ({
        charge_id: chargeId,
        event_id: callback.eventId,
        event_type: callback.eventType,
        forged: callback.forged,
        payload: callback.payload,
        due_at: fromNow(callback.afterMs),
      })),
    )
    .execute();
}

/** The charge or payout with this reference, if there is one. */
export async function findCharge(db: Db, kind: ChargeKind, reference: string): Promise<Charge | undefined> {
  const row = await db
    .selectFrom('charges')
    .selectAll()
    .select(sql<boolean>`settles_at <= now()`.as('settled'))
    .where('reference', '=', reference)
    .where('kind', '=', kind)
    .executeTakeFirst();
  if (!row) return undefined;
  const failed = row.settled && row.failure_code !== null;
  return {
    id: row.id,
    kind: row.kind,
    reference: row.reference,
    amount: row.amount,
    currency: row.currency,
    sourceType: row.source_type,
    sourceToken: row.source_token,
    status: row.settled ? row.outcome : 'pending',
    failure: failed ? { code: row.failure_code ?? '', message: row.failure_message ?? '' } : null,
    createdAt: row.created_at,
  };
}
