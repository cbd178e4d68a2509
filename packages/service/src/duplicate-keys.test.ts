import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findDuplicateKey } from './duplicate-keys.ts';

/** A JSON value whose objects keep their keys in a list, so that they may repeat. */
type Model = { text: string } | { list: Model[] } | { fields: [string, Model][] };

const key = fc.constantFrom('a', 'b', 'amount', 'x"y', 'x\\y', '{', '],', 'é', '~/', '');
const model: fc.Arbitrary<Model> = fc.letrec<{ value: Model }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc
      .oneof(fc.string(), fc.constantFrom('"a":1,"a":2', '\\', '{"a":'))
      .map((text) => ({ text: JSON.stringify(text) })),
    fc.constantFrom({ text: '1.50' }, { text: 'null' }, { text: '{}' }, { text: '[ ]' }),
    fc.array(tie('value'), { maxLength: 4 }).map((list) => ({ list })),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map((fields) => ({ fields })),
  ),
})).value;

function escapeAll(text: string): string {
  return `"${[...text].map((one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`;
}

function write(value: Model, escaped: boolean): string {
  if ('text' in value) return value.text;
  if ('list' in value) return `[${value.list.map((one) => write(one, escaped)).join(' , ')}]`;
  // Every second key is written with escapes: "a" and "\u0061" are the same key.
  const fields = value.fields.map(([name, field], index) => {
    const spelled = escaped && index % 2 === 1 ? escapeAll(name) : JSON.stringify(name);
    return `${spelled} :\n${write(field, escaped)}`;
  });
  return `{${fields.join(',')}}`;
}

function repeats(value: Model): boolean {
  if ('text' in value) return false;
  if ('list' in value) return value.list.some(repeats);
  const names = value.fields.map(([name]) => name);
  return new Set(names).size < names.length || value.fields.some(([, field]) => repeats(field));
}

describe('findDuplicateKey', () => {
  test('finds a repeated key exactly where a naive model does', () => {
    const seen = { with: 0, without: 0 };
    fc.assert(
      fc.property(model, fc.boolean(), (value, escaped) => {
        const text = write(value, escaped);
        const expected = repeats(value);
        seen[expected ? 'with' : 'without'] += 1;
        expect(findDuplicateKey(text, JSON.parse(text)) !== undefined).toBe(expected);
      }),
      { numRuns: 2000 },
    );
    expect(Math.min(seen.with, seen.without)).toBeGreaterThan(100);
  });

  test.each([
    ['{"amount":"1","amount":"2"}', '/amount'],
    ['{"a":{"b":1,"c":[{"d":1},{"d":1,"d":2}]}}', '/a/c/1/d'],
    ['{"a":1,"\\u0061":2}', '/a'],
    ['{"a/b":1,"a/b":2}', '/a~1b'],
    ['[{"a":1},{"a":1}]', undefined],
    ['{"a":"{\\"b\\":1,\\"b\\":2}"}', undefined],
    ['"a"', undefined],
  ])('%s → %s', (text, pointer) => {
    expect(findDuplicateKey(text, JSON.parse(text))).toBe(pointer);
  });
});
