import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';

/** What an event of one type and version carries, and how a reader gets it out of an untrusted message. */
export interface EventDefinition<Data = unknown> {
  /** Type and version; also the routing key. */
  readonly type: string;
  readonly schema: TSchema;
  /**
   * Checks that `data` has the fields of this version. Fields that this version does not know are let through:
   * a newer publisher may have added optional ones.
   *
   * @throws {EventDataError} naming the first wrong field
   */
  parse(data: unknown): Data;
}

/** Data that does not fit its event type. Retrying cannot help: such a message belongs in the dead letters. */
export class EventDataError extends Error {
  override readonly name = 'EventDataError';
}

/** Defines an event. A published type never changes its required fields: a new shape is a new version. */
export function defineEvent<const Schema extends TSchema>(
  type: string,
  schema: Schema,
): EventDefinition<Static<Schema>> {
  const validator = Compile(schema);
  return {
    type,
    schema,
    parse(data: unknown): Static<Schema> {
      if (validator.Check(data)) return data;
      const [first] = validator.Errors(data);
      throw new EventDataError(`${type}: data${first?.instancePath ?? ''} ${first?.message ?? 'is not valid'}`);
    },
  };
}
