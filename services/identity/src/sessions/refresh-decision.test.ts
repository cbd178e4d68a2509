import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideRefresh, type SessionState } from './refresh-decision.ts';

const rotatedAt = Date.parse('2026-11-20T12:00:00.000Z');

function session(changes: Partial<SessionState> = {}): SessionState {
  return {
    generation: 5,
    rotatedAt: new Date(rotatedAt),
    lastUsedAt: new Date(rotatedAt),
    retried: false,
    expiresAt: new Date(rotatedAt + 86_400_000),
    revokedAt: null,
    ...changes,
  };
}

describe('decideRefresh', () => {
  it.each([
    ['the current token', 5, 500, {}, 'rotate'],
    ['the current token, long after', 5, 80_000_000, {}, 'rotate'],
    ['the token before, after 3 s', 4, 3_000, {}, 'retry'],
    ['the token before, at 10 s', 4, 10_000, {}, 'retry'],
    ['the token before, after 10 s', 4, 10_000.1, {}, 'revoke'],
    ['the token before, once more', 4, 3_000, { retried: true }, 'revoke'],
    ['the token before, in a request as old as the rotation', 4, -20, {}, 'parallel'],
    [
      'the token before, in a request older than the retry',
      4,
      400,
      { retried: true, lastUsedAt: new Date(rotatedAt + 401) },
      'parallel',
    ],
    [
      'the token before, in a request younger than the retry',
      4,
      402,
      { retried: true, lastUsedAt: new Date(rotatedAt + 401) },
      'revoke',
    ],
    ['two before, at once', 3, 1, {}, 'revoke'],
    ['two before, in a request as old as the rotation', 3, -1, {}, 'revoke'],
    ['the first', 1, 1, {}, 'revoke'],
    ['a later one than the database knows', 6, 1, {}, 'refuse'],
    ['the current token of an expired session', 5, 86_400_000, {}, 'refuse'],
    ['the current token of a revoked session', 5, 1, { revokedAt: new Date(rotatedAt) }, 'refuse'],
    ['a spent token of a revoked session', 2, 1, { revokedAt: new Date(rotatedAt) }, 'refuse'],
  ])('%s', (_case, generation, afterMs, changes, decision) => {
    const arrivedAt = rotatedAt + afterMs;
    expect(decideRefresh(session(changes), { generation, arrivedAt, now: arrivedAt + 5 })).toBe(decision);
  });

  it('never gives tokens for a token older than the one before, whatever the times', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.boolean(),
        (generation, after, retried) => {
          const arrivedAt = rotatedAt + after;
          expect(decideRefresh(session({ retried }), { generation, arrivedAt, now: arrivedAt })).toBe('revoke');
        },
      ),
    );
  });
});
