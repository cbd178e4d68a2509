import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import type { Document, JsonSchema } from './operations.ts';
import { placeholders } from './placeholders.ts';

/** Texts that some field takes; of a text field only those are drawn that its schema accepts. */
const texts = [
  ...['a', 'Ada Lovelace', 'Zoë 💶', '李', 'مرحبا', 'İstanbul', '0', '1', '0.01', '1.00', '2.50', '12.5', '0.001'],
  ...['999999999999999', '999999999999999.99', '0.00', 'USD', 'EUR', 'JPY', 'KWD', 'XLM', 'HBAR', 'usd', 'XXX'],
  ...['2026-11', '2026-11-20', '2099-12-31', '0001-01-01', '2026-02-31', '2030-01-31T00:00:00Z', '9999-12-31'],
  ...['2026-11-20T12:00:00.000Z', '2026-11-20T12:00:00+14:00', '0000-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z'],
  ...['2016-12-31T23:59:60Z', '123456', 'DE89370400440532013000', 'tok_ok', 'tok_declined', 'sandbox'],
  ...['https://hooks.example/in', 'http://127.0.0.1/', 'en', 'de-DE', '127.0.0.1', '10.0.0.0/8', '::1', 'active'],
  ...['transfer', 'posted', '*', 'transaction.posted', 'a long enough password, really', 'x'.repeat(140)],
];

/** What a field of that name mostly has, so that enough requests get past the checks that no schema can say. */
const likely: Readonly<Record<string, readonly string[]>> = {
  amount: ['0.01', '1.00', '2'],
  currency: ['USD'],
  sell: ['USD'],
  buy: ['EUR'],
  from: ['{{acc.own}}'],
  account: ['{{acc.own}}'],
  to: ['{{savings.own}}', '{{acc.others}}', '{{number.others}}'],
  token: ['tok_ok'],
  provider: ['sandbox'],
  accountNumber: ['DE89370400440532013000', 'gb29 nwbk 6016 1331 9268 19', 'NL91ABNA0417164300', '{{number.own}}'],
  email: ['{{email.new}}', '{{email.own}}'],
  password: ['{{password.own}}'],
  currentPassword: ['{{password.own}}'],
  refreshToken: ['{{refresh.own}}'],
  locale: ['en', 'de-DE'],
  expiresAt: ['2099-12-31T00:00:00Z'],
  url: ['https://hooks.example/in'],
};

/** Whether it is known what a field of that name has. */
export function isUsual(name: string): boolean {
  return Object.hasOwn(likely, name);
}

const ajv = new Ajv2020({ strict: false, validateSchema: false });
// The package is CommonJS; its types and Node disagree about where the default export is.
(addFormats as unknown as (instance: Ajv2020) => void)(ajv);

/** Arbitraries of values that a schema accepts. */
export class Values {
  readonly #document: Document;

  constructor(document: Document) {
    this.#document = document;
  }

  /** Values that the schema of a field of that name accepts, save for rules that no schema can say. */
  of(schema: JsonSchema, name = ''): fc.Arbitrary<unknown> {
    const { $ref, anyOf, oneOf, allOf } = schema;
    if (typeof $ref === 'string') return this.of(this.#referred($ref), name);
    if ('const' in schema) return fc.constant(schema.const);
    if (Array.isArray(schema.enum)) return fc.constantFrom(...schema.enum);
    const branches = (anyOf ?? oneOf) as JsonSchema[] | undefined;
    if (branches) return fc.oneof(...branches.map((branch) => this.of(branch, name)));
    if (Array.isArray(allOf)) return this.#all(allOf as JsonSchema[]);
    return this.#ofType(schema, name);
  }

  /** One value that the schema accepts, as small as it may be, with what such a field usually has; always the same. */
  smallest(schema: JsonSchema, name = ''): unknown {
    const { type, properties = {}, required = [], items, minItems, anyOf, oneOf } = schema;
    const [branch] = (anyOf ?? oneOf ?? []) as JsonSchema[];
    if (branch) return this.smallest(branch, name);
    if (Array.isArray(schema.enum)) return schema.enum[0];
    if (type === 'object') {
      const fields = properties as Record<string, JsonSchema>;
      const [first] = Object.keys(fields);
      const needed = (required as string[]).length > 0 || !first ? (required as string[]) : [first];
      return Object.fromEntries(needed.map((field) => [field, this.smallest(fields[field] ?? {}, field)]));
    }
    if (type === 'array') {
      return Array.from({ length: Number(minItems ?? 0) }, () => this.smallest(items as JsonSchema, name));
    }
    if (type !== 'string') return fc.sample(this.of(schema, name), { seed: 1, numRuns: 1 })[0];
    const accepts = ajv.compile(schema);
    // A text that may have any prefix is no id.
    const isOpen = accepts('A plain sentence') || accepts('zzz_01h455vb4pex5vsknk084sn02q');
    const known = [...(likely[name] ?? []), ...(isOpen ? [] : Object.keys(placeholders)), ...texts];
    return known.find((text) => accepts(placeholders[text] ?? text)) ?? fc.sample(textsOf(schema, name), 1)[0];
  }

  #ofType(schema: JsonSchema, name: string): fc.Arbitrary<unknown> {
    switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
      case 'object':
        return this.#object(schema);
      case 'array':
        return this.#array(schema);
      case 'string':
        return textsOf(schema, name);
      case 'integer':
        return integersOf(schema);
      case 'number':
        return fc.double({ noNaN: true, noDefaultInfinity: true });
      case 'boolean':
        return fc.boolean();
      case 'null':
        return fc.constant(null);
      default:
        return fc.jsonValue({ maxDepth: 2 });
    }
  }

  #referred(reference: string): JsonSchema {
    const found = this.#document.components?.schemas?.[reference.replace('#/components/schemas/', '')];
    if (!found) throw new Error(`the document has no ${reference}`);
    return found;
  }

  #all(parts: readonly JsonSchema[]): fc.Arbitrary<unknown> {
    return fc.tuple(...parts.map((part) => this.of(part))).map((values) => Object.assign({}, ...values));
  }

  #object(schema: JsonSchema): fc.Arbitrary<unknown> {
    const properties = Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>);
    if (properties.length === 0) return this.#record(schema);
    const fields = Object.fromEntries(properties.map(([name, field]) => [name, this.of(field, name)]));
    return fc.record(fields, { requiredKeys: (schema.required ?? []) as string[] });
  }

  #record({ additionalProperties, patternProperties }: JsonSchema): fc.Arbitrary<unknown> {
    const [pattern] = Object.values((patternProperties ?? {}) as Record<string, JsonSchema>);
    const item = pattern ?? (typeof additionalProperties === 'object' ? (additionalProperties as JsonSchema) : null);
    if (!item) return fc.constant({});
    return fc.dictionary(fc.constantFrom('reference', 'a', 'Zoë', 'order 7'), this.of(item), { maxKeys: 3 });
  }

  #array({ items = {}, minItems = 0, maxItems = 3, uniqueItems }: JsonSchema): fc.Arbitrary<unknown> {
    const length = {
      minLength: Number(minItems),
      maxLength: Math.max(Number(minItems), Math.min(Number(maxItems), 3)),
    };
    const item = this.of(items as JsonSchema);
    return uniqueItems ? fc.uniqueArray(item, length) : fc.array(item, length);
  }
}

function textsOf(schema: JsonSchema, name: string): fc.Arbitrary<string> {
  const accepts = ajv.compile(schema);
  const fitting = texts.filter((text) => accepts(text));
  const standing = Object.keys(placeholders).filter((name) => accepts(placeholders[name]));
  const usual = (likely[name] ?? []).filter((text) => accepts(placeholders[text] ?? text));
  const random = randomTexts(schema);
  // Where hardly one of them fits, to look for those that do would take for ever.
  const fits = random ? fc.sample(random, { seed: 1, numRuns: 20 }).filter((text) => accepts(text)).length : 0;
  const made = fits >= 5 ? random?.filter((text) => accepts(text) === true) : undefined;
  const found = [
    ...(usual.length > 0 ? [{ weight: 24, arbitrary: fc.constantFrom(...usual) }] : []),
    ...(standing.length > 0 ? [{ weight: 4, arbitrary: fc.constantFrom(...standing) }] : []),
    ...(fitting.length > 0 ? [{ weight: 3, arbitrary: fc.constantFrom(...fitting) }] : []),
    ...(made ? [{ weight: 1, arbitrary: made }] : []),
  ];
  if (found.length === 0) throw new Error(`no text is known for ${JSON.stringify(schema)}: add one to values.ts`);
  return fc.oneof(...found);
}

function randomTexts({ pattern, minLength = 0, maxLength = 200 }: JsonSchema): fc.Arbitrary<string> | undefined {
  const most = Math.min(Number(maxLength), Number(minLength) + 60);
  if (pattern === undefined) return fc.string({ minLength: Number(minLength), maxLength: most, unit: 'grapheme' });
  // Look-aheads can't be generated, and classes of Unicode take seconds.
  if (/\(\?|\\p\{/.test(String(pattern))) return undefined;
  return fc.stringMatching(new RegExp(String(pattern), 'u'), { maxLength: most });
}

function integersOf({ minimum = -1000, maximum = 1_000_000 }: JsonSchema): fc.Arbitrary<number> {
  const [min, max] = [Number(minimum), Number(maximum)];
  return fc.oneof(fc.constantFrom(min, max), fc.integer({ min, max }));
}
