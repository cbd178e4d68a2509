import { callOf, type Document, type JsonSchema, operationsOf } from '../fuzz/operations.ts';
import { fillPlaceholders, placeholders } from '../fuzz/placeholders.ts';
import { Values } from '../fuzz/values.ts';
import type { Journal } from './journal.ts';

const secretName =
  /password|token|otp|secret|code|iban|accountNumber|key|credential|signature|assertion|attestation|clientData|proof/i;

interface Field {
  /** From the top of the body. */
  readonly path: readonly string[];
}

/** Where in bodies of this form secrets stand, by the names of the fields. */
export function secretFields(schema: JsonSchema, path: readonly string[] = []): Field[] {
  const { properties = {}, anyOf, oneOf, allOf } = schema;
  const branches = [...((anyOf ?? oneOf ?? allOf ?? []) as JsonSchema[])];
  const inBranches = branches.flatMap((branch) => secretFields(branch, path));
  const inFields = Object.entries(properties as Record<string, JsonSchema>).flatMap(([name, field]) => [
    ...(field.type !== 'object' && secretName.test(name) ? [{ path: [...path, name] }] : []),
    ...secretFields(field, [...path, name]),
  ]);
  return [...inBranches, ...inFields];
}

function put(body: unknown, [name, ...rest]: readonly string[], value: unknown): Record<string, unknown> {
  const fields = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  if (name === undefined) return fields;
  return { ...fields, [name]: rest.length === 0 ? value : put(fields[name], rest, value) };
}

/** Sends canaries in every header that may hold a secret, and in the query. */
async function throughHeaders(journal: Journal, call: string, token: string): Promise<void> {
  const secret = (where: string) => journal.give(`${where} of ${call}`);
  const headers = {
    cookie: `session=${secret('Cookie')}`,
    'idempotency-key': secret('Idempotency-Key'),
    'x-api-key': secret('X-Api-Key'),
    'proxy-authorization': `Basic ${secret('Proxy-Authorization')}`,
    'webhook-signature': `v1,${secret('webhook-signature')}`,
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(Math.floor(Date.now() / 1000)),
  };
  await Promise.all([
    journal.call(call, { token, headers }),
    journal.call(`${call}?access_token=${secret('query')}&cursor=${secret('cursor')}`, { token }),
    journal.call(call, { headers: { authorization: `Basic ${secret('Authorization, Basic')}` } }),
    journal.call(call, { token: secret('Authorization, Bearer') }),
    journal.call(call, { token: `flk_${secret('Authorization, API key')}` }),
    journal.call(call, { token: `eyJhbGciOiJub25lIn0.${secret('Authorization, JWT')}.x` }),
  ]);
}

/** Sends canaries in a field of a body: as it is meant, under the wrong type, and in what is no JSON. */
async function throughField(journal: Journal, call: string, { token, body, field }: FieldOptions): Promise<void> {
  const name = field.path.join('.');
  const secret = (how: string) => journal.give(`${name} of ${call}, ${how}`);
  await Promise.all(
    [{ token }, {}].flatMap((caller) => [
      journal.call(call, { ...caller, body: put(body, field.path, secret('a text')) }),
      journal.call(call, { ...caller, body: put(body, field.path, [secret('in a list')]) }),
      journal.call(call, { ...caller, body: put(body, field.path, { value: secret('in an object') }) }),
      journal.call(call, { ...caller, body: `${JSON.stringify(put(body, field.path, secret('broken JSON')))}}` }),
    ]),
  );
}

interface FieldOptions {
  readonly token: string;
  readonly body: unknown;
  readonly field: Field;
}

/** Calls that would end the caller; they are made by nobody alone. */
const lastCalls = new Set(['POST /v1/auth/logout', 'DELETE /v1/me']);

/** Who makes the calls, and what of theirs the placeholders stand for. */
export interface Signatory {
  readonly token: string;
  readonly own: Readonly<Record<string, string>>;
}

/**
 * Canaries through every field of every call that holds a secret, and through the headers of every call, as somebody
 * signed in and as nobody. New calls of the document are taken in by the names of their fields.
 */
export async function throughEveryField(journal: Journal, document: Document, who: Signatory): Promise<void> {
  const values = new Values(document);
  const fill = (text: string) =>
    fillPlaceholders(text, (name) => who.own[name] ?? placeholders[`{{${name}}}`] ?? 'unknown');
  for (const operation of operationsOf(document)) {
    const filled = operation.parameters
      .filter((parameter) => parameter.in === 'path')
      .reduce(
        (path, { name, schema }) => path.replace(`{${name}}`, String(values.smallest(schema, name))),
        operation.path,
      );
    const call = `${operation.method} ${fill(filled)}`;
    const token = lastCalls.has(callOf(operation)) ? 'none' : who.token;
    await throughHeaders(journal, call, token);
    const body = operation.body && JSON.parse(fill(JSON.stringify(values.smallest(operation.body))));
    for (const field of operation.body ? secretFields(operation.body) : []) {
      await throughField(journal, call, { token, body, field });
    }
  }
}
