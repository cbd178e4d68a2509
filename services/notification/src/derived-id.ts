import { hash } from 'node:crypto';

/**
 * A UUIDv7 that follows from another one and a text: the same for the same two, and for no others. It begins with the time
 * and count of the other, so that what is derived is in the same order; the rest is a hash.
 */
export function derivedId(uuid: string, text: string): string {
  const digits = hash('sha256', `${uuid} ${text}`);
  return `${uuid.slice(0, 19)}8${digits.slice(0, 3)}-${digits.slice(3, 15)}`;
}
