import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { requestFingerprint } from './idempotency.ts';
import { cursorPart, decodeCursor, encodeCursor } from './pagination.ts';
import { problem, problemBody, problemCodes, problemStatus } from './problems.ts';

describe('cursors', () => {
  test('decodeCursor gives back what encodeCursor was given', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 4 }), (parts) => {
        fc.pre(parts.every((part) => !part.includes('\0')));
        expect(decodeCursor(encodeCursor(parts), parts.length)).toEqual(parts);
      }),
    );
  });

  test('any other text is invalid_cursor', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => decodeCursor(text, 2)).toThrow(expect.objectContaining({ code: 'invalid_cursor' }));
      }),
    );
  });

  const made = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  test.each([
    ['another length', encodeCursor(['a']), 2],
    ['no list', made({ 0: 'a', length: 1 }), 1],
    ['no texts', made([1]), 1],
    ['NUL', made(['\0']), 1],
    ['a lone surrogate', Buffer.from('["\\ud800"]').toString('base64url'), 1],
    ['padding', `${encodeCursor(['a'])}==`, 1],
    ['a part of another form', encodeCursor(["x'; drop"]), [cursorPart.uuid]],
    ['a month that is none', encodeCursor(['2026-13-01T00:00:00.000Z']), [cursorPart.time]],
  ])('%s is invalid_cursor', (_name, text, shape) => {
    expect(() => decodeCursor(text, shape)).toThrow(
      expect.objectContaining({ code: 'invalid_cursor', statusCode: 400 }),
    );
  });

  test('parts of the right forms pass', () => {
    const parts = ['2026-11-20T10:00:00.000Z', '01890a5d-ac96-774b-bcce-b302099a8057', '42'];
    const forms = [cursorPart.time, cursorPart.uuid, cursorPart.integer];
    expect(decodeCursor(encodeCursor(parts), forms)).toEqual(parts);
  });
});

describe('requestFingerprint', () => {
  const request = { method: 'POST', url: '/v1/transfers', body: { amount: '1', to: { a: [1, 2], b: null } } };
  const of = (changes: Partial<typeof request> | { body: unknown }) =>
    requestFingerprint({ ...request, ...changes }).toString('hex');

  test('is always the same for a request: fingerprints are kept with the answers', () => {
    const text = 'POST /v1/transfers\n{"10":"é","2":"\\n","amount":"1","to":{"a":[1,2],"b":null}}';
    const body = { to: { b: null, a: [1, 2] }, amount: '1', 2: '\n', 10: 'é' };
    const fingerprint = requestFingerprint({ ...request, url: '/v1/transfers?dryRun=true', body });
    expect(fingerprint).toEqual(createHash('sha256').update(text).digest());
  });

  test('does not depend on the order of fields', () => {
    expect(of({ body: { to: { b: null, a: [1, 2] }, amount: '1' } })).toBe(of({}));
  });

  test.each([
    ['another method', { method: 'PUT' }],
    ['another path', { url: '/v1/holds' }],
    ['another value', { body: { amount: '1.0', to: { a: [1, 2], b: null } } }],
    ['another order in a list', { body: { amount: '1', to: { a: [2, 1], b: null } } }],
    ['null for a missing field', { body: { amount: '1', to: { a: [1, 2] } } }],
    ['a number for a text', { body: { amount: 1, to: { a: [1, 2], b: null } } }],
    ['no body', { body: undefined }],
  ])('%s makes another one', (_name, changes) => {
    expect(of(changes)).not.toBe(of({}));
  });
});

describe('problems', () => {
  test('every code has an error status and a type with dashes', () => {
    for (const code of problemCodes) {
      expect(problemStatus(code)).toBeGreaterThanOrEqual(400);
      const body = problemBody(problem(code, 'Because.'), { path: '/v1/x', traceId: 'f'.repeat(32) });
      expect(body.type).toMatch(/^https:\/\/florin\.dev\/problems\/[a-z-]+$/);
      expect(body).not.toHaveProperty('errors');
    }
  });
});
