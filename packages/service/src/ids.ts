import { randomUUID } from 'node:crypto';
import Type, { type TString } from 'typebox';

const prefixes = ['usr', 'ses', 'key', 'acc', 'txn', 'hld', 'sch', 'ntf', 'whe', 'whd', 'evt', 'fxq', 'pky'] as const;

/** The kinds of things with a public id. */
export type IdPrefix = (typeof prefixes)[number];

const hyphen = 45;
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const suffixPattern = '[0-7][0-9a-hjkmnp-tv-z]{25}';
const uuidText = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const noDigit = 255;
/** Value of each digit by its character code. */
const digits = new Uint8Array(128).fill(noDigit);
for (const [value, character] of [...alphabet].entries()) digits[character.charCodeAt(0)] = value;
/** Bytes of the id that is being parsed. */
const decoded = Buffer.alloc(16);

let lastMs = 0;
let counter = 0;

/**
 * A new UUIDv7 in lower case. Increases strictly within the process, also within one millisecond: the twelve bits after
 * the time count (RFC 9562, 6.2, method 1), the last 62 are random.
 */
export function newUuid(): string {
  const now = Date.now();
  if (now > lastMs) {
    lastMs = now;
    counter = 0;
  } else if (++counter > 0xfff) {
    lastMs += 1;
    counter = 0;
  }
  const time = lastMs.toString(16).padStart(12, '0');
  const count = counter.toString(16).padStart(3, '0');
  // randomUUID draws from a pool of random bytes; asking the system for every id took a quarter of a posting's time.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${count}-${randomUUID().slice(19)}`;
}

/** TypeID of a uuid: `acc_` and 26 characters of Crockford's base32. Throws a TypeError when `uuid` is not a uuid. */
export function formatId(prefix: IdPrefix, uuid: string): string {
  const canonical = uuid.toLowerCase();
  if (!uuidText.test(canonical)) throw new TypeError('formatId needs a uuid');
  let text = `${prefix}_`;
  // 128 bits make 26 characters of 5 bits, the first of which starts with two zeros. Numbers, not a bigint: every
  // answer and event holds several ids.
  let bits = 0;
  let count = 2;
  for (let index = 0; index < 36; index += 1) {
    const code = canonical.charCodeAt(index);
    if (code === hyphen) continue;
    bits = (bits << 4) | (code < 58 ? code - 48 : code - 87);
    count += 4;
    if (count < 5) continue;
    count -= 5;
    text += alphabet.charAt(bits >> count);
    bits &= (1 << count) - 1;
  }
  return text;
}

/** The uuid behind a TypeID, or undefined for anything but the canonical spelling with exactly this prefix. */
export function parseId(prefix: IdPrefix, text: string): string | undefined {
  if (text.length !== 30 || !text.startsWith(`${prefix}_`)) return undefined;
  // The first of the 26 characters holds 3 bits, the others 5.
  let bits = digits[text.charCodeAt(4)] ?? noDigit;
  if (bits > 7) return undefined;
  let count = 3;
  let length = 0;
  for (let index = 5; index < 30; index += 1) {
    const digit = digits[text.charCodeAt(index)] ?? noDigit;
    if (digit === noDigit) return undefined;
    bits = (bits << 5) | digit;
    count += 5;
    if (count < 8) continue;
    count -= 8;
    decoded[length++] = bits >> count;
    bits &= (1 << count) - 1;
  }
  const hex = decoded.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Schema of an id with this prefix. What it accepts, parseId parses. */
export function idSchema(prefix: IdPrefix): TString {
  return Type.String({ pattern: `^${prefix}_${suffixPattern}$`, description: `TypeID, ${prefix}_…` });
}
