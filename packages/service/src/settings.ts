import Type, { type Static, type TObject } from 'typebox';
import { Value } from 'typebox/value';
import { coerceTexts } from './coercion.ts';

/** The environment asks for something impossible. The message is one line, fit for the operator. */
export class SettingsError extends Error {
  override name = 'SettingsError';
}

/** Settings that every process has. */
export const commonSettings = {
  HOST: Type.String({ default: '127.0.0.1', minLength: 1, description: 'Address to listen on' }),
  LOG_LEVEL: Type.Union(
    [
      Type.Literal('fatal'),
      Type.Literal('error'),
      Type.Literal('warn'),
      Type.Literal('info'),
      Type.Literal('debug'),
      Type.Literal('trace'),
      Type.Literal('silent'),
    ],
    { default: 'info', description: 'Least severe level that is logged' },
  ),
  SHUTDOWN_GRACE_MS: Type.Integer({
    default: 5000,
    minimum: 0,
    maximum: 60_000,
    description: 'How long requests are still served after SIGTERM while readiness already answers 503',
  }),
  TOKEN_ISSUER: Type.String({
    default: 'https://florin.dev',
    minLength: 1,
    description: 'The `iss` claim that tokens must carry',
  }),
};

/** Settings of a process with a schema of its own. `role` is its runtime role in Postgres. */
export function databaseSettings(role: string) {
  return {
    DATABASE_URL: Type.String({ minLength: 1, secret: true, description: `Postgres, as the role ${role}` }),
    DATABASE_POOL_SIZE: Type.Integer({ default: 10, minimum: 1, description: 'Database connections at most' }),
  };
}

/** Settings of a process that publishes or reads events. */
export const busSettings = {
  BUS_URL: Type.String({
    minLength: 1,
    secret: true,
    description: 'Where events go: amqp:// or amqps:// for RabbitMQ, postgres:// for the embedded transport',
  }),
  BUS_NAMESPACE: Type.String({ default: 'florin', minLength: 1, description: 'Keeps fleets on one broker apart' }),
};

interface SettingSchema {
  type?: string;
  secret?: boolean;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  pattern?: string;
  format?: string;
  anyOf?: { const?: unknown }[];
  enum?: unknown[];
}

function choices(schema: SettingSchema): unknown[] | undefined {
  if (schema.enum) return schema.enum;
  const constants = schema.anyOf?.map((option) => option.const);
  return constants?.every((constant) => constant !== undefined) ? constants : undefined;
}

function allowed(schema: SettingSchema): string {
  const oneOf = choices(schema);
  if (oneOf) return `one of ${oneOf.join(', ')}`;
  if (schema.type === 'integer' || schema.type === 'number') {
    const range = [
      ...(schema.minimum === undefined ? [] : [`at least ${schema.minimum}`]),
      ...(schema.maximum === undefined ? [] : [`at most ${schema.maximum}`]),
    ].join(' and ');
    return `${schema.type === 'integer' ? 'a whole number' : 'a number'}${range && ` of ${range}`}`;
  }
  if (schema.type === 'boolean') return 'true or false';
  if (schema.pattern) return `a text of the form ${schema.pattern}`;
  if (schema.format) return `a text of format ${schema.format}`;
  if (schema.minLength) return `a text of at least ${schema.minLength} characters`;
  return 'a text';
}

function complaint(name: string, schema: SettingSchema, value: unknown): string {
  if (value === undefined) return `${name} must be set: ${allowed(schema)}`;
  const shown = schema.secret ? '' : ` (it is ${JSON.stringify(value)})`;
  return `${name} must be ${allowed(schema)}${shown}`;
}

/**
 * Reads the variables that `schema` names and nothing else: defaults filled in, texts turned into the numbers and
 * booleans asked for; an empty text counts as unset. Throws SettingsError, one line that names each wrong variable and
 * what is allowed; values of properties with `secret: true` are never in it.
 */
export function readSettings<T extends TObject>(schema: T, env: NodeJS.ProcessEnv): Static<T> {
  const properties = schema.properties as Record<string, SettingSchema>;
  const given = Object.fromEntries(
    Object.keys(properties)
      .map((name) => [name, env[name]] as const)
      .filter(([, value]) => value !== undefined && value !== ''),
  );
  const values = Value.Default(schema, coerceTexts(properties, given)) as Record<string, unknown>;
  if (Value.Check(schema, values)) return values;
  const required: readonly string[] = schema.required ?? [];
  const wrong = Object.entries(properties).filter(([name]) => {
    const value = values[name];
    return value === undefined ? required.includes(name) : !Value.Check(schema.properties[name] ?? {}, value);
  });
  throw new SettingsError(wrong.map(([name, property]) => complaint(name, property, values[name])).join('; '));
}
