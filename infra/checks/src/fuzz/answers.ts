import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { callOf, type Document, type DocumentedResponse, type JsonSchema, operationsOf } from './operations.ts';
import type { FuzzRequest } from './requests.ts';
import type { Answer } from './send.ts';

/** What is wrong with an answer: a kind to count by, and the details. */
export interface Fault {
  readonly kind: string;
  readonly details: string;
}

interface Rule {
  readonly response: DocumentedResponse;
  readonly isPublic: boolean;
  readonly validators: ReadonlyMap<string, ValidateFunction>;
}

/**
 * Where a client can cause a 503: /health tells of others, exports are few at a time; and to wait for a version that is
 * not there yet, with `minVersion`, ends in one.
 */
const answersWith503 = new Set(['GET /health', 'GET /v1/me/export']);
const problemType = 'application/problem+json';

/** Holds answers against the document: status, media type and body have to be those that stand there. */
export class AnswerRules {
  readonly #rules = new Map<string, Rule>();

  constructor(document: Document) {
    const ajv = new Ajv2020({ strict: false, validateSchema: false, allErrors: true });
    // The package is CommonJS; its types and Node disagree about where the default export is.
    (addFormats as unknown as (instance: Ajv2020) => void)(ajv);
    const schemas = document.components?.schemas ?? {};
    for (const operation of operationsOf(document)) {
      for (const [status, response] of Object.entries(operation.responses)) {
        const media = Object.entries(response.content ?? {});
        const validators = new Map(
          media.map(([type, { schema = {} }]) => [type, ajv.compile(closed(schema, schemas))] as const),
        );
        this.#rules.set(`${callOf(operation)} ${status}`, { response, validators, isPublic: operation.isPublic });
      }
    }
  }

  /**
   * What is wrong with an answer, undefined when nothing is. That any other error is documented as `default` does not
   * make its status one that clients can expect.
   */
  faultOf({ call, path, caller }: Pick<FuzzRequest, 'call' | 'path' | 'caller'>, answer: Answer): Fault | undefined {
    const { status } = answer;
    const rule = this.#rules.get(`${call} ${status}`);
    const mayBe503 = path.includes('minVersion=') || answersWith503.has(call);
    if (status >= 500 && !(status === 503 && mayBe503)) return fault(answer, `${status}`);
    if (!rule) return fault(answer, `${status} is not documented`);
    if (caller === 'nobody' && !rule.isPublic && status < 400) return fault(answer, `${status} for nobody`);
    return contentFault(rule, answer);
  }
}

function contentFault({ response, validators }: Rule, answer: Answer): Fault | undefined {
  const type = answer.headers['content-type']?.split(';', 1)[0] ?? '';
  if (validators.size === 0) return answer.text === '' ? undefined : fault(answer, 'a body that is not documented');
  const validate = validators.get(type);
  if (!validate) return fault(answer, `content type ${type} is not documented`);
  if (!type.endsWith('json')) return undefined;
  let body: unknown;
  try {
    body = JSON.parse(answer.text);
  } catch {
    return fault(answer, 'a body that is no JSON');
  }
  if (!validate(body)) {
    const [first] = validate.errors ?? [];
    const field = first?.params.additionalProperty ?? first?.params.missingProperty ?? '';
    return fault(answer, `body breaks its schema: ${first?.schemaPath} ${field}`);
  }
  return type === problemType ? codeFault(response, answer, body) : undefined;
}

function codeFault({ description }: DocumentedResponse, answer: Answer, body: unknown): Fault | undefined {
  const { code, status } = body as { code: string; status: number };
  if (status !== answer.status) return fault(answer, `the problem says ${status}`);
  return description.split(', ').includes(code) ? undefined : fault(answer, `code ${code} is not documented`);
}

function fault({ status, text }: Answer, kind: string): Fault {
  return { kind, details: `${status} ${text.slice(0, 600)}` };
}

/**
 * The schema without references, and without room for fields that it does not name: what is not documented is not sent.
 * Problems alone may have further members (RFC 9457, 3.2).
 */
function closed(schema: unknown, schemas: Readonly<Record<string, JsonSchema>>, within = ''): JsonSchema {
  if (Array.isArray(schema)) return schema.map((item) => closed(item, schemas, within)) as unknown as JsonSchema;
  if (typeof schema !== 'object' || schema === null) return schema as unknown as JsonSchema;
  if ('$ref' in schema) return schemas[String(schema.$ref).replace('#/components/schemas/', '')] ?? {};
  const copy = Object.fromEntries(Object.entries(schema).map(([name, item]) => [name, closed(item, schemas, name)]));
  const isObject = 'properties' in copy && within !== 'properties' && within !== 'allOf';
  return isObject && !('additionalProperties' in copy) ? { ...copy, additionalProperties: false } : copy;
}
