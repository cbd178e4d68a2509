import Type, { type TObject, type TProperties } from 'typebox';

const optional = Symbol.for('florin.optionalBody');

/** A closed object: unknown fields are refused. For request bodies and query strings. */
export function body<Properties extends TProperties>(properties: Properties): TObject<Properties> {
  return Type.Object(properties, { additionalProperties: false });
}

/** A body that may be left out altogether; the handler then sees `{}`. Give it optional fields only. */
export function optionalBody<Properties extends TProperties>(properties: Properties): TObject<Properties> {
  return Object.assign(body(properties), { [optional]: true });
}

/** Whether a body schema was made by optionalBody. */
export function isOptionalBody(schema: unknown): boolean {
  return typeof schema === 'object' && schema !== null && optional in schema;
}
