import { Ajv, type ErrorObject } from 'ajv';
import addFormats from 'ajv-formats';
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { coerceTexts } from './coercion.ts';
import { type FieldError, type ProblemError, problem } from './problems.ts';
import { isOptionalBody } from './schemas.ts';
import { findUnfitText, pointerSegment } from './text.ts';

type Verdict = { value: unknown } | { error: ProblemError };
type Check = (value: unknown) => FieldError | undefined;
interface ObjectSchema {
  type?: unknown;
  properties?: Record<string, unknown>;
  additionalProperties?: unknown;
  required?: string[];
}

// The first error ends the check: a hostile body costs no more than a good one.
const ajv = new Ajv({
  allErrors: false,
  coerceTypes: false,
  removeAdditional: false,
  useDefaults: true,
  strict: true,
  strictTypes: false,
  strictTuples: false,
  strictRequired: false,
  allowUnionTypes: true,
  keywords: ['example'],
});
// Both packages are CommonJS; their types and Node disagree about where the default export is.
(addFormats as unknown as (instance: Ajv) => void)(ajv);

function describeError(error: ErrorObject, all: readonly ErrorObject[]): FieldError {
  const params = error.params as Record<string, unknown>;
  const inside = (name: unknown) => error.instancePath + pointerSegment(String(name));
  switch (error.keyword) {
    case 'required':
      return { pointer: inside(params.missingProperty), message: 'is required' };
    case 'additionalProperties':
      return { pointer: inside(params.additionalProperty), message: 'is not a known field' };
    case 'unevaluatedProperties':
      return { pointer: inside(params.unevaluatedProperty), message: 'is not a known field' };
    case 'pattern':
      return { pointer: error.instancePath, message: 'does not have the required form' };
    case 'format':
      return { pointer: error.instancePath, message: `must be a valid ${String(params.format)}` };
    case 'enum':
      return {
        pointer: error.instancePath,
        message: `must be one of ${(params.allowedValues as string[]).join(', ')}`,
      };
    case 'anyOf':
    case 'oneOf': {
      const constants = all.filter(
        ({ keyword, instancePath }) => keyword === 'const' && instancePath === error.instancePath,
      );
      const values = constants.map((one) => String((one.params as { allowedValue: unknown }).allowedValue));
      return {
        pointer: error.instancePath,
        message: values.length ? `must be one of ${values.join(', ')}` : 'has none of the allowed forms',
      };
    }
    default:
      return { pointer: error.instancePath, message: error.message ?? 'is not valid' };
  }
}

function firstError(errors: readonly ErrorObject[]): FieldError {
  // Where a union failed, its own error comes last and speaks for its branches.
  const error = errors.at(-1);
  return error ? describeError(error, errors) : { pointer: '', message: 'is not valid' };
}

function compileCheck(schema: object): Check {
  const validate = ajv.compile(schema);
  return (value) => (validate(value) ? undefined : firstError(validate.errors ?? []));
}

function refuse(detail: string, error: FieldError): Verdict {
  return { error: problem('validation_failed', detail, { errors: [error] }) };
}

function compileBody(schema: object): (value: unknown) => Verdict {
  const check = compileCheck(schema);
  return (given) => {
    const value = given === null && isOptionalBody(schema) ? {} : given;
    const error = check(value);
    return error ? refuse('The body does not have the required form.', error) : { value };
  };
}

function compileQuery(schema: ObjectSchema): (value: unknown) => Verdict {
  const closed = schema.type === 'object' && schema.additionalProperties === undefined;
  const check = compileCheck(closed ? { ...schema, additionalProperties: false } : schema);
  return (given) => {
    const value = coerceTexts(schema.properties ?? {}, given as Record<string, unknown>);
    const error = findUnfitText(value, 3) ?? check(value);
    return error ? refuse('The query does not have the required form.', error) : { value };
  };
}

function compileParams(schema: ObjectSchema): (value: unknown) => Verdict {
  const check = compileCheck(schema);
  return (given) => {
    const value = coerceTexts(schema.properties ?? {}, given as Record<string, unknown>);
    // A path that names nothing possible is a thing that does not exist.
    if (findUnfitText(value, 3) || check(value)) return { error: problem('not_found', 'There is nothing here.') };
    return { value };
  };
}

function compileHeaders(schema: ObjectSchema): (value: unknown) => Verdict {
  const properties = Object.entries(schema.properties ?? {}).map(([name, property]) => [name.toLowerCase(), property]);
  const required = (schema.required ?? []).map((name) => name.toLowerCase());
  const check = compileCheck({ ...schema, properties: Object.fromEntries(properties), required });
  return (value) => {
    const error = check(value);
    if (!error) return { value };
    if (error.pointer === '/idempotency-key' && error.message === 'is required') {
      return { error: problem('idempotency_key_required', 'This call needs an Idempotency-Key header.') };
    }
    return refuse('A header does not have the required form.', error);
  };
}

/**
 * Compiles the schemas of routes. Bodies: exactly the JSON types asked for, nothing converted, nothing dropped; only
 * defaults are filled in. Query strings: texts become numbers, booleans and lists where the schema asks, unknown and
 * repeated parameters are refused (400). Path parameters that don't fit are 404. Header names ignore case.
 */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  if (httpPart === 'querystring') return compileQuery(schema);
  if (httpPart === 'params') return compileParams(schema);
  if (httpPart === 'headers') return compileHeaders(schema);
  return compileBody(schema);
};
