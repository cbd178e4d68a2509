import fc from 'fast-check';
import { nearly, strangeBodies } from './mutations.ts';
import { callOf, type Document, type Operation, operationsOf, type Parameter } from './operations.ts';
import { type Caller, callers } from './placeholders.ts';
import { Values } from './values.ts';

/** A generated request, with placeholders: the same for the same seed. */
export interface FuzzRequest {
  /** The operation: `POST /v1/transfers`. */
  readonly call: string;
  readonly caller: Caller;
  /** Path and query as they go on the wire. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** `latin1`: each character is a byte. */
  readonly body?: { readonly text: string; readonly encoding: 'utf8' | 'latin1' };
}

const strangeSegments = [
  ...['', '.', '..', '%00', '%2e%2e', '%2F', 'a%2Fb', '%ff', '%zz', '*', ':id', 'null', '0', '-1', '%F0%9F%92%B6'],
  ...['acc_8zzzzzzzzzzzzzzzzzzzzzzzzz', 'ACC_01H455VB4PEX5VSKNK084SN02Q', 'x'.repeat(201), 'x;a=b', "'%20or%201=1"],
  ...['01h455vb4pex5vsknk084sn02q', '{{acc.own}}%20', '{{acc.own}}/', '7d444840-9dc0-11d1-b245-5ffdce74fad2'],
];

const cursorOf = (...parts: unknown[]) => Buffer.from(JSON.stringify(parts)).toString('base64url');
const uuid = '7d444840-9dc0-71d1-b245-5ffdce74fad2';
const strangeQueries = [
  ...['', 'x', '%00', '%F0%9F', 'a+b', '1e2', '-1', '0', '101', '99999999999999999999', '1.5', 'true', 'null', '[]'],
  ...['2026-13-45', '2026-02-31', '0000-01-01T00:00:00.000Z', '%EF%BF%BF', 'x'.repeat(3_000), "'%20or%201=1"],
  ...[cursorOf('0'), cursorOf('-1'), cursorOf('999999999999999999'), cursorOf(uuid), cursorOf(), cursorOf(1, {})],
  ...['2026-02-31', '0000-01-01', '9999-12-31'].map((day) => cursorOf(`${day}T23:59:59.999Z`, uuid)),
  ...[cursorOf('2026-11-20T12:00:00.000Z', uuid), cursorOf('2026-11-20T12:00:00.000Z', '\0'), cursorOf('1', uuid)],
];

const strangeKeys = [
  '',
  ' ',
  'a b',
  'k'.repeat(255),
  'k'.repeat(256),
  'schl\u00fcssel',
  '{{unique}},{{unique}}',
  'fixed',
];
const strangeHeaders: readonly Readonly<Record<string, string>>[] = [
  { 'content-type': 'text/plain' },
  { 'content-type': 'application/json; charset=utf-16' },
  { 'content-type': 'application/x-www-form-urlencoded' },
  { 'content-type': '' },
  { accept: 'text/csv' },
  { accept: 'image/png;q=0' },
  { 'accept-encoding': 'br;q=x, gzip' },
  { 'accept-language': 'xx-invalid-\u00ff' },
  { traceparent: '00-00000000000000000000000000000000-0000000000000000-00' },
  { traceparent: 'x'.repeat(500), tracestate: ',=' },
  { 'x-request-id': 'a\u00ffb' },
  { 'x-request-id': 'r'.repeat(1_000) },
  { 'x-forwarded-for': "127.0.0.1, ' or 1=1" },
  { 'x-http-method-override': 'DELETE' },
  { 'if-none-match': '*', range: 'bytes=0-1' },
  { 'last-event-id': 'x' },
  { expect: '100-continue' },
  { cookie: `session=${'c'.repeat(2_000)}` },
];
const strangeTokens = ['Bearer a.b.c', 'Basic YTpi', 'Bearer flk_x', 'Bearer', 'Bearer eyJhbGciOiJub25lIn0.e30.', 'x'];

type Bodies = fc.Arbitrary<FuzzRequest['body']>;
const text = (value: unknown): FuzzRequest['body'] => {
  const json = JSON.stringify(value);
  return json === undefined ? undefined : { text: json, encoding: 'utf8' };
};

function bodiesOf(operation: Operation, values: Values): Bodies {
  const { body, method } = operation;
  if (!body) {
    const none: Bodies = fc.constant(undefined);
    return method === 'GET' ? none : fc.oneof({ weight: 6, arbitrary: none }, fc.jsonValue({ maxDepth: 1 }).map(text));
  }
  const valid = values.of(body);
  const strange = fc
    .tuple(valid, fc.constantFrom(...strangeBodies))
    .map(([value, change]) => ({ text: change(JSON.stringify(value)), encoding: 'latin1' as const }));
  return fc.oneof(
    { weight: 8, arbitrary: valid.map(text) },
    { weight: 7, arbitrary: nearly(valid).map(text) },
    { weight: 2, arbitrary: nearly(nearly(valid)).map(text) },
    { weight: 2, arbitrary: strange },
  );
}

// What has no encoding, half of a surrogate pair, is left to bodies.
const encoded = (value: unknown) =>
  encodeURIComponent(String(value).toWellFormed()).replaceAll('%7B%7B', '{{').replaceAll('%7D%7D', '}}');

function pathsOf({ path, parameters }: Operation, values: Values): fc.Arbitrary<string> {
  const named = parameters.filter((parameter) => parameter.in === 'path');
  const segments = named.map(({ name, schema }) =>
    fc
      .oneof(
        { weight: 9, arbitrary: values.of(schema).map(encoded) },
        { weight: 1, arbitrary: fc.constantFrom(...strangeSegments) },
      )
      .map((segment) => [`{${name}}`, segment] as const),
  );
  return fc
    .tuple(...segments)
    .map((chosen) => chosen.reduce((whole, [name, segment]) => whole.replace(name, () => segment), path));
}

function queriesOf({ parameters }: Operation, values: Values): fc.Arbitrary<string> {
  const named = parameters.filter((parameter) => parameter.in === 'query');
  const pairOf = ({ name, schema }: Parameter) =>
    fc
      .oneof(
        { weight: 8, arbitrary: values.of(schema, name).map(encoded) },
        { weight: 1, arbitrary: fc.constantFrom(...strangeQueries) },
      )
      .map((value) => `${name}=${value}`);
  const unknown = fc.constantFrom('unknown=1', 'limit', '__proto__=1', 'limit=1&limit=2', 'a[b]=c', '&&', '%00=1');
  const seldom = (pair: fc.Arbitrary<string>, of: number) =>
    fc.oneof({ weight: of, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: pair });
  return fc
    .tuple(seldom(unknown, 14), ...named.map((parameter) => seldom(pairOf(parameter), 2)))
    .map((chosen) => chosen.filter((pair) => pair !== undefined).join('&'));
}

function headersOf({ parameters, body }: Operation): fc.Arbitrary<Record<string, string>> {
  const takesKey = parameters.some(({ name }) => name.toLowerCase() === 'idempotency-key');
  const fresh = fc.constant<Record<string, string>>({ 'idempotency-key': '{{unique}}' });
  const odd = fc.constantFrom(...strangeKeys).map((key) => ({ 'idempotency-key': key }));
  const none = fc.constant<Record<string, string>>({});
  const key = takesKey
    ? fc.oneof({ weight: 10, arbitrary: fresh }, { weight: 1, arbitrary: odd }, { weight: 1, arbitrary: none })
    : none;
  const others = fc.oneof({ weight: 9, arbitrary: none }, { weight: 1, arbitrary: fc.constantFrom(...strangeHeaders) });
  const type = body ? { 'content-type': 'application/json' } : {};
  return fc.tuple(key, others).map(([one, other]) => ({ ...type, ...one, ...other }));
}

const callersOf = fc.oneof(
  ...callers.map((caller) => ({
    weight: caller === 'customer' ? 6 : caller === 'nobody' ? 1 : 2,
    arbitrary: fc.constant(caller),
  })),
);

function requestsFor(operation: Operation, values: Values): fc.Arbitrary<FuzzRequest> {
  const token = fc.option(fc.constantFrom(...strangeTokens), { nil: undefined });
  return fc
    .tuple(
      pathsOf(operation, values),
      queriesOf(operation, values),
      headersOf(operation),
      bodiesOf(operation, values),
      callersOf,
      token,
    )
    .map(([path, query, headers, body, caller, odd]) => ({
      call: callOf(operation),
      caller,
      path: query === '' ? path : `${path}?${query}`,
      headers: caller === 'nobody' && odd !== undefined ? { ...headers, authorization: odd } : headers,
      ...(body === undefined ? {} : { body }),
    }));
}

// Hashing a password, and waiting for a version that never comes, take as long as a hundred other calls.
const slow = new Set([
  ...['POST /v1/auth/register', 'POST /v1/auth/login', 'POST /v1/me/password', 'POST /v1/auth/password/reset'],
  'GET /v1/accounts/{id}',
]);

/** Valid and nearly valid requests for every call of the document. */
export function requestsOf(document: Document): fc.Arbitrary<FuzzRequest> {
  const values = new Values(document);
  const all = operationsOf(document).map((operation) => ({
    weight: slow.has(callOf(operation)) ? 1 : 4,
    arbitrary: requestsFor(operation, values),
  }));
  return fc.oneof(...all);
}
