import { randomBytes } from 'node:crypto';
import Type, { type TString } from 'typebox';

const prefixes = [
  'usr',
  'ses',
  'key',
  'acc',
  'txn',
  'hld',
  'sch',
  'ntf',
  'whe',
  'whd',
  'evt',
  'fxq',
  'pky',
  'pye',
] as const;

/** The kinds of things with a public id. */
export type IdPrefix = (typeof prefixes)[number];

const base32Digits = '0123456789abcdefghjkmnpqrstvwxyz';
const suffixPattern = '[0-7][0-9a-hjkmnp-tv-z]{25}';

const noDigit = 255;
const base32Values = valuesOf(base32Digits);
const hexValues = valuesOf('0123456789abcdef', '0123456789ABCDEF');
const base32Codes = Buffer.from(base32Digits);
const hexCodes = Buffer.from('0123456789abcdef');

// Ids are read and written all the time, so in place, and each becomes a text once.
const uuidCodes = Buffer.alloc(36, '-');
const suffixCodes = Buffer.alloc(26);
/** Where in the text of a uuid its hyphens are, and where its digits. */
const hyphenPlaces = [8, 13, 18, 23];
const hexPlaces = [...Array(36).keys()].filter((place) => !hyphenPlaces.includes(place));

let lastMs = 0;
let counter = 0;
/** The text of `lastMs` in a uuid. */
let timeText = '';

const drawnBytes = 2048;
let drawn = '';
let used = 0;

/** Value of each digit by its character code. */
function valuesOf(...spellings: string[]): Uint8Array {
  const values = new Uint8Array(128).fill(noDigit);
  for (const digits of spellings) {
    for (const [value, digit] of [...digits].entries()) values[digit.charCodeAt(0)] = value;
  }
  return values;
}

/**
 * A new UUIDv7 in lower case. Increases strictly within the process, also within one millisecond: the twelve bits after
 * the time count (RFC 9562, 6.2, method 1), the last 62 are random.
 */
export function newUuid(): string {
  const now = Date.now();
  if (now > lastMs) startMs(now);
  else if (++counter > 0xfff) startMs(lastMs + 1);
  const random = randomDigits();
  const variant = '89ab'.charAt((hexValues[random.charCodeAt(0)] ?? 0) & 3);
  return `${timeText}-${(0x7000 + counter).toString(16)}-${variant}${random.slice(1, 4)}-${random.slice(4)}`;
}

function startMs(ms: number): void {
  lastMs = ms;
  counter = 0;
  timeText = timeDigits(ms);
}

/** The first 48 bits of a UUIDv7 made at this time. */
function timeDigits(ms: number): string {
  const time = ms.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}`;
}

/** Not above any UUIDv7 made at this time, in whole milliseconds since the epoch, or later; above all made before. */
export function firstUuidAt(ms: number): string {
  return `${timeDigits(ms)}-7000-8000-000000000000`;
}

/** 64 random bits in hex, of many drawn at once: asking the system for every id took a quarter of a posting's time. */
function randomDigits(): string {
  if (used === drawn.length) {
    drawn = randomBytes(drawnBytes).toString('hex');
    used = 0;
  }
  used += 16;
  return drawn.slice(used - 16, used);
}

/** TypeID of a uuid: `acc_` and 26 characters of Crockford's base32. Throws a TypeError when `uuid` is not a uuid. */
export function formatId(prefix: IdPrefix, uuid: string): string {
  if (!isHyphenated(uuid)) throw notUuid();
  // 128 bits make 26 characters of 5 bits, the first of which starts with two zeros. Numbers, not a bigint: every
  // answer and event holds several ids.
  let bits = 0;
  let count = 2;
  let length = 0;
  for (const place of hexPlaces) {
    const digit = hexValues[uuid.charCodeAt(place)] ?? noDigit;
    if (digit === noDigit) throw notUuid();
    bits = (bits << 4) | digit;
    count += 4;
    if (count < 5) continue;
    count -= 5;
    suffixCodes[length++] = base32Codes[bits >> count] ?? 0;
    bits &= (1 << count) - 1;
  }
  return `${prefix}_${suffixCodes.toString('latin1')}`;
}

function isHyphenated(uuid: string): boolean {
  return uuid.length === 36 && hyphenPlaces.every((place) => uuid.charAt(place) === '-');
}

const notUuid = () => new TypeError('formatId needs a uuid');

/** The uuid behind a TypeID, or undefined for anything but the canonical spelling with exactly this prefix. */
export function parseId(prefix: IdPrefix, text: string): string | undefined {
  if (text.length !== 30 || !text.startsWith(`${prefix}_`)) return undefined;
  // The first of the 26 characters holds 3 bits, the others 5.
  let bits = base32Values[text.charCodeAt(4)] ?? noDigit;
  if (bits > 7) return undefined;
  let count = 3;
  let length = 0;
  for (let index = 5; index < 30; index += 1) {
    const digit = base32Values[text.charCodeAt(index)] ?? noDigit;
    if (digit === noDigit) return undefined;
    bits = (bits << 5) | digit;
    count += 5;
    if (count < 8) continue;
    count -= 8;
    writeHex(bits >> count, length);
    length += 2;
    bits &= (1 << count) - 1;
  }
  return uuidCodes.toString('latin1');
}

/** Writes a byte as the digits `index` and `index` + 1 of the uuid. */
function writeHex(byte: number, index: number): void {
  uuidCodes[hexPlaces[index] ?? 0] = hexCodes[byte >> 4] ?? 0;
  uuidCodes[hexPlaces[index + 1] ?? 0] = hexCodes[byte & 15] ?? 0;
}

/** Schema of an id with this prefix. What it accepts, parseId parses. */
export function idSchema(prefix: IdPrefix): TString {
  return Type.String({ pattern: `^${prefix}_${suffixPattern}$`, description: `TypeID, ${prefix}_…` });
}
