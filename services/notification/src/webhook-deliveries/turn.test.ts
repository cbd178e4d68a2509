import { describe, expect, it } from 'vitest';
import { tryForMs } from './retry-schedule.ts';
import type { SendResult } from './send-webhook.ts';
import { type Attempted, disablingReason, isTaken, nextStep, turnEnd, turnSize } from './turn.ts';
import type { Turn } from './turn-queries.ts';

const now = new Date('2026-11-29T12:00:00.000Z');
const longAgo = new Date(now.getTime() - tryForMs);
const status = (code: number): SendResult => ({ status: code, answer: '' });
const fresh = { tries: 0, firstFailedAt: null };
const old = { tries: 20, firstFailedAt: longAgo };

const turn = (changes: Partial<Turn> = {}): Turn => ({
  ...{ endpointId: '', ownerId: '', url: '', leasedUntil: now, failures: 0, failingSince: null },
  ...changes,
});
const attempted = (result: SendResult, delivery: { tries: number; firstFailedAt: Date | null } = fresh): Attempted => ({
  ...{ at: now, result, next: nextStep(delivery, result, now, 0) },
});

describe('an attempt', () => {
  it.each([200, 201, 202, 204, 299])('that is answered %i is done', (code) => {
    expect(isTaken(status(code))).toBe(true);
    expect(nextStep(old, status(code), now, 0)).toEqual({ status: 'succeeded' });
  });

  it.each([
    ...[199, 300, 301, 302, 307, 308, 400, 401, 404, 410, 429, 500, 503].map(status),
    ...(['refused', 'name_unknown', 'timeout', 'tls', 'connection'] as const).map((error) => ({ error })),
  ])('that comes to %j is made again in 5 s', (result) => {
    expect(nextStep(fresh, result, now, 0)).toEqual({
      ...{ status: 'pending', firstFailedAt: now, nextAttemptAt: new Date(now.getTime() + 5_000) },
    });
  });

  it('is the last one 72 hours after the first', () => {
    expect(nextStep(old, status(500), now, 0)).toEqual({ status: 'failed', firstFailedAt: longAgo });
    const before = new Date(now.getTime() - 1);
    expect(nextStep(old, status(500), before, 0)).toMatchObject({ status: 'pending', nextAttemptAt: now });
  });
});

describe('an endpoint after its turn', () => {
  it('that has failed gets one webhook at a time, to see whether it works again', () => {
    expect([turnSize(turn()), turnSize(turn({ failingSince: now }))]).toEqual([8, 1]);
  });

  it('has failed since the first failure, and rests longer each time', () => {
    const first = turnEnd(turn(), [attempted(status(500))], now, 0);
    expect(first).toEqual({ failures: 1, failingSince: now, restingUntil: new Date(now.getTime() + 1_000) });
    const later = new Date(now.getTime() + 60_000);
    expect(turnEnd(turn({ ...first }), [{ ...attempted(status(500)), at: later }], later, 0)).toEqual({
      ...{ failures: 2, failingSince: now, restingUntil: new Date(later.getTime() + 2_000) },
    });
  });

  it('begins anew with one success among failures; nothing sent changes nothing', () => {
    const failing = turn({ failures: 7, failingSince: longAgo });
    const well = { failures: 0, failingSince: null, restingUntil: null };
    expect(turnEnd(failing, [attempted(status(500)), attempted(status(200))], now, 0)).toEqual(well);
    expect(turnEnd(failing, [], now, 0)).toEqual({ failures: 7, failingSince: longAgo, restingUntil: null });
  });

  const disabled = (failing: Partial<Turn>, made: Attempted[]) =>
    disablingReason(turnEnd(turn(failing), made, now, 0), made);

  it('is disabled where a delivery was given up and nothing succeeded since before its first attempt', () => {
    const failing = { failures: 20, failingSince: longAgo };
    expect(disabled(failing, [attempted(status(500), old)])).toBe('failing');
    expect(disabled(failing, [attempted({ error: 'connection' }, old)])).toBe('failing');
    // Something else succeeded in these days.
    const oneHourLater = new Date(longAgo.getTime() + 3_600_000);
    expect(disabled({ failures: 20, failingSince: oneHourLater }, [attempted(status(500), old)])).toBeUndefined();
    expect(disabled(failing, [attempted(status(500))])).toBeUndefined();
    expect(disabled(failing, [attempted(status(500), old), attempted(status(200))])).toBeUndefined();
  });

  it('is disabled at once where it says that it is gone, unless something succeeds', () => {
    expect(disabled({}, [attempted(status(410))])).toBe('gone');
    expect(disabled({}, [attempted(status(410)), attempted(status(200))])).toBeUndefined();
    expect(disabled({}, [attempted(status(404))])).toBeUndefined();
  });
});
