import fc from 'fast-check';
import { TypeID } from 'typeid-js';
import { describe, expect, test } from 'vitest';
import { firstUuidAt, formatId, type IdPrefix, idSchema, newUuid, parseId } from './ids.ts';

const prefix = fc.constantFrom<IdPrefix>('usr', 'ses', 'acc', 'txn', 'hld', 'whd');

describe('ids', () => {
  test('newUuid increases strictly, also within a millisecond', () => {
    const ids = Array.from({ length: 20_000 }, newUuid);
    expect(ids).toEqual([...new Set(ids)].sort());
  });

  test('newUuid gives a UUIDv7 of the present time, its last 62 bits each time others', () => {
    const before = Date.now();
    const ids = Array.from({ length: 3_000 }, newUuid);
    const form = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    expect(ids.filter((id) => !form.test(id))).toEqual([]);
    expect(new Set(ids.map((id) => id.slice(19))).size).toBe(ids.length);
    expect(new Set(ids.map((id) => id.charAt(19)))).toEqual(new Set('89ab'));
    const time = Number.parseInt(newUuid().slice(0, 13).replace('-', ''), 16);
    // Ahead by a millisecond for 4,096 ids that one had no room for.
    expect(time).toBeGreaterThanOrEqual(before);
    expect(time).toBeLessThanOrEqual(Date.now() + 100);
  });

  test('formatId agrees with the reference implementation of TypeID and parseId turns it back', () => {
    fc.assert(
      fc.property(prefix, fc.uuid(), (name, uuid) => {
        const id = formatId(name, uuid);
        expect(id).toBe(TypeID.fromUUID(name, uuid).toString());
        expect(parseId(name, id)).toBe(uuid);
        expect(id).toMatch(new RegExp((idSchema(name) as { pattern?: string }).pattern ?? '^never$'));
      }),
    );
  });

  test('firstUuidAt parts what was made before a millisecond from what is made in it or later', () => {
    const now = Date.now();
    const made = newUuid();
    expect(firstUuidAt(now) <= made).toBe(true);
    expect(made < firstUuidAt(Date.now() + 10)).toBe(true);
    expect(firstUuidAt(0x0189_0a5d_ac96)).toBe('01890a5d-ac96-7000-8000-000000000000');
  });

  test('the extremes of 128 bits survive', () => {
    for (const uuid of ['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff']) {
      expect(parseId('acc', formatId('acc', uuid))).toBe(uuid);
    }
  });

  test('parseId takes any text without throwing, and only what formatId writes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^acc_[0-9a-z]{26}$/)), (text) => {
        const uuid = parseId('acc', text);
        if (uuid !== undefined) expect(formatId('acc', uuid)).toBe(text);
      }),
    );
  });

  test.each([
    ['another prefix', 'usr_01h455vb4pex5vsknk084sn02q'],
    ['upper case', 'acc_01H455VB4PEX5VSKNK084SN02Q'],
    ['more than 128 bits', 'acc_81h455vb4pex5vsknk084sn02q'],
    ['a letter outside the alphabet', 'acc_01h455vb4pex5vsknk084sn02l'],
    ['too short', 'acc_01h455vb4pex5vsknk084sn02'],
    ['a line break behind', 'acc_01h455vb4pex5vsknk084sn02q\n'],
    ['a bare uuid', '01890a5d-ac96-774b-bcce-b302099a8057'],
  ])('parseId refuses %s', (_name, text) => {
    expect(parseId('acc', text)).toBeUndefined();
  });

  test.each([
    'acc_01h455vb4pex5vsknk084sn02q',
    '01890a5dac96774bbcceb302099a8057',
    '01890a5d-ac96-774b-bcce-b302099a805',
    '01890a5d-ac96-774b-bcce-b302099a80577',
    '01890a5d-ac96-774b-bcceb-302099a8057',
    '01890a5d-ac96-774b-bcce-b302099a805g',
    '01890a5d-ac96-774b-bcce-b302099a805é',
    '',
  ])('formatId refuses %j, which is not a uuid', (text) => {
    expect(() => formatId('acc', text)).toThrow(TypeError);
  });

  test('formatId takes a uuid in upper case', () => {
    const uuid = '01890a5d-ac96-774b-bcce-b302099a8057';
    expect(formatId('acc', uuid.toUpperCase())).toBe(formatId('acc', uuid));
  });
});
