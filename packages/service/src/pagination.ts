import Type, { type TSchema } from 'typebox';
import { problem } from './problems.ts';
import { body } from './schemas.ts';

/** Query of a list. More filters: `Type.Object({ ...pageQuery.properties, type: … }, { additionalProperties: false })`. */
export const pageQuery = body({
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 25, description: 'How many items at most' }),
  cursor: Type.Optional(Type.String({ description: 'nextCursor of the page before' })),
});

/** Answer of a list: newest first, `nextCursor` null on the last page. */
export function page<Item extends TSchema>(item: Item) {
  return Type.Object({ data: Type.Array(item), nextCursor: Type.Union([Type.String(), Type.Null()]) });
}

/** Forms that a part of a cursor may be required to have before it reaches a query. */
export const cursorPart = {
  uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
  time: /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/,
  integer: /^(0|[1-9]\d{0,17})$/,
} as const;

/** An opaque text for the position after an item, from the values that the list is ordered by. */
export function encodeCursor(parts: readonly string[]): string {
  return Buffer.from(JSON.stringify(parts), 'utf8').toString('base64url');
}

function parseParts(text: string): unknown {
  const bytes = Buffer.from(text, 'base64url');
  // Buffer skips characters outside the alphabet; only the spelling that encodeCursor makes is ours.
  if (bytes.toString('base64url') !== text) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

/**
 * The parts of a cursor, as many as `shape` says; where `shape` lists forms, each part has its form. Clients can write
 * cursors themselves, so give forms for whatever is cast in SQL. Throws invalid_cursor (400).
 */
export function decodeCursor(text: string, shape: number | readonly RegExp[]): string[] {
  const forms = typeof shape === 'number' ? Array.from({ length: shape }, () => /^[^\0]*$/) : shape;
  const parts = parseParts(text);
  const fits =
    Array.isArray(parts) &&
    parts.length === forms.length &&
    parts.every((part) => typeof part === 'string' && part.isWellFormed()) &&
    forms.every((form, index) => form.test(parts[index]));
  if (!fits) throw problem('invalid_cursor', 'The cursor is not one that this list gave.');
  return parts;
}
