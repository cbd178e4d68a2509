import fc from 'fast-check';

type Path = readonly (string | number)[];

const longText = 'x'.repeat(300);
const hugeText = 'y'.repeat(70_000);

/** What is put in the place of a value: other types, numbers at their edges, texts that break things. */
const intruders: readonly unknown[] = [
  ...[null, true, false, 0, -0, -1, 1.5, 1e308, 2 ** 53, '', ' ', [], {}, [null], { value: 'x' }, [[[[]]]]],
  ...[
    '\u0000',
    'a\u0000b',
    '\ud800',
    '\udc00x',
    '\u202eabc',
    '\ufeff',
    '\u2028',
    'e\u0301',
    '👩‍👩‍👧‍👦',
    'ﬁ',
    '１２',
    'I\u0307',
  ],
  ...['-1', '+1', '1e2', '0x10', ' 1', '01', '1.', '.5', '1,00', 'NaN', 'Infinity', '-0', '0.00000001'],
  ...["' or 1=1 --", '"; drop table x; --', '../../etc/passwd', '%00', '%', '{{', '$(x)', '=1+1', 'a\r\nb: c'],
  ...['2026-13-01', '2026-02-30T00:00:00Z', '+275760-09-13T00:00:00Z', '0000-00-00', '1e400', longText, hugeText],
  ...['acc_', 'acc_8zzzzzzzzzzzzzzzzzzzzzzzzz', 'ACC_01h455vb4pex5vsknk084sn02q', 'usr_01h455vb4pex5vsknk084sn02q'],
];

const strangeNames = ['unknown', 'isAdmin', 'roles', '__proto__', 'constructor', 'toString', '', 'a\u0000', 'Amount'];

/** Pointers to the value itself and everything in it. */
function pathsIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([name, item]) => pathsIn(item, [...path, name]))];
}

function changeAt(value: unknown, [name, ...rest]: Path, change: (value: unknown) => unknown): unknown {
  if (name === undefined) return change(value);
  if (Array.isArray(value))
    return value.map((item, index) => (String(index) === name ? changeAt(item, rest, change) : item));
  const entries = Object.entries(value as Record<string, unknown>);
  const changed = entries.map(([key, item]) => [key, key === name ? changeAt(item, rest, change) : item] as const);
  return Object.fromEntries(changed.filter(([, item]) => item !== undefined));
}

// Not by assignment, which would set the prototype where the name is __proto__.
function withField(value: unknown, name: string, field: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { [name]: value };
  return Object.fromEntries([...Object.entries(value), [name, field]]);
}

const changes: fc.Arbitrary<(value: unknown) => unknown> = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...intruders).map((intruder) => () => intruder) },
  { weight: 2, arbitrary: fc.constant(() => undefined) },
  { weight: 1, arbitrary: fc.constant((value: unknown) => [value]) },
  {
    weight: 1,
    arbitrary: fc.constant((value: unknown) => (typeof value === 'string' ? Number(value) : JSON.stringify(value))),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom(...strangeNames), fc.constantFrom(...intruders)).map(
      ([name, field]) =>
        (value: unknown) =>
          withField(value, name, field),
    ),
  },
  { weight: 1, arbitrary: fc.constant((value: unknown) => (typeof value === 'string' ? `${value}${value}` : value)) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }).map((text) => () => text) },
);

/** The value with one thing wrong in it, anywhere; undefined where nothing is left of it. */
export function nearly(values: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.tuple(values, fc.nat(), changes).map(([value, place, change]) => {
    const paths = pathsIn(value);
    return changeAt(value, paths[place % paths.length] ?? [], change);
  });
}

/** Bytes, one character each, that are no JSON, or JSON that can be read in more than one way. */
export const strangeBodies: readonly ((json: string) => string)[] = [
  (json) => json.slice(0, -1),
  (json) => `\u00ef\u00bb\u00bf${json}`,
  (json) => `${json}${json}`,
  (json) => `${json} x`,
  (json) => json.replace('{', '{"a":1,"a":2,'),
  (json) => json.replace(/"([^"]+)":/, '"$1":null,"$1":'),
  (json) => json.replace(/"[^"]*"\}$/, '"\u00ff\u00fe"}'),
  (json) => json.replace('{', '{"__proto__":{"isAdmin":true},'),
  () => `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
  () => `{"a":${'{"a":'.repeat(300)}1${'}'.repeat(300)}}`,
  () => '',
  () => 'null',
  () => '[]',
  () => '"text"',
  () => '1e999',
  () => `"${'z'.repeat(66_000)}"`,
  (json) => json.replaceAll('"', "'"),
];
