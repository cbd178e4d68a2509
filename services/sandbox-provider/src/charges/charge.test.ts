import { describe, expect, test } from 'vitest';
import { behaviourOf } from './behaviours.ts';
import { callbacksOf } from './charge.ts';

function planned(token: string) {
  const behaviour = behaviourOf(token);
  if (!behaviour) throw new Error(`${token} is unknown`);
  let events = 0;
  const source = { type: 'card' as const, token };
  const request = { kind: 'charge' as const, reference: 'txn_1', amount: '1250', currency: 'USD', source };
  return callbacksOf({ id: 'ch_1', request, behaviour }, () => `evt_${++events}`, new Date('2026-11-20T12:00:00Z'));
}

describe('sandbox tokens', () => {
  test('tok_ok › one webhook that names charge, reference, amount and currency', () => {
    const [callback, ...others] = planned('tok_ok');
    expect(others).toEqual([]);
    expect(callback).toMatchObject({ eventId: 'evt_1', eventType: 'charge.succeeded', forged: false, afterMs: 0 });
    expect(JSON.parse(callback?.payload ?? '')).toEqual({
      id: 'evt_1',
      type: 'charge.succeeded',
      createdAt: '2026-11-20T12:00:00.000Z',
      data: { id: 'ch_1', reference: 'txn_1', amount: '1250', currency: 'USD', status: 'succeeded' },
    });
  });

  test('tok_declined › charge.failed with code card_declined', () => {
    expect(planned('tok_declined').map(({ payload }) => JSON.parse(payload))).toMatchObject([
      { type: 'charge.failed', data: { status: 'failed', failure: { code: 'card_declined' } } },
    ]);
  });

  test('tok_duplicate › three times the same event: same id, same bytes', () => {
    const callbacks = planned('tok_duplicate');
    expect(callbacks).toHaveLength(3);
    expect(new Set(callbacks.map(({ payload }) => payload)).size).toBe(1);
  });

  test('tok_silent › no webhook at all', () => {
    expect(planned('tok_silent')).toEqual([]);
  });

  test('tok_slow › five seconds late', () => {
    expect(planned('tok_slow').map(({ afterMs }) => afterMs)).toEqual([5_000]);
  });

  test('tok_timeout › the answer is held back, the webhook is not', () => {
    expect(behaviourOf('tok_timeout')?.answersAfterMs).toBe(10_000);
    expect(planned('tok_timeout')).toMatchObject([{ eventType: 'charge.succeeded', afterMs: 0 }]);
  });

  test('tok_reordered › succeeded comes before pending, as two events', () => {
    expect(planned('tok_reordered').map(({ eventId, eventType }) => [eventId, eventType])).toEqual([
      ['evt_1', 'charge.succeeded'],
      ['evt_2', 'charge.pending'],
    ]);
  });

  test('tok_bad_signature › a forged webhook first, then the real one', () => {
    expect(planned('tok_bad_signature').map(({ forged }) => forged)).toEqual([true, false]);
  });

  test.each(['tok_unknown', '', 'constructor', '__proto__'])('%j is not a token', (token) => {
    expect(behaviourOf(token)).toBeUndefined();
  });
});
