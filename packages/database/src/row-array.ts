/**
 * Rows of a composite type as one array in Postgres's binary format, for `unnest($1::new_entry[])`. A column each would be a
 * function call and a temporary store each on the server: with 42 of them, half of a small write was spent before its first row.
 *
 * `write` gives the fields in the order of the type's columns. Server and type are told apart by the number and the types of
 * the fields: a row that does not fit is refused as a whole.
 */
export function rowArray<Row>(rows: readonly Row[], write: (fields: RowFields, row: Row) => void): Buffer {
  const writer = new RowWriter(rows.length);
  for (const row of rows) {
    writer.beginRow();
    write(writer, row);
    writer.endRow();
  }
  return writer.end();
}

/** Takes the fields of one row, one after the other. */
export interface RowFields {
  /** A uuid in its canonical spelling. */
  uuid(value: string | null): void;
  text(value: string | null): void;
  /** JSON text for a column of type json. */
  json(value: string | null): void;
  /** JSON text for a column of type jsonb. */
  jsonb(value: string): void;
  /** int8. */
  bigint(value: bigint): void;
  /** int2. */
  smallint(value: number): void;
  /** timestamptz, to the millisecond. */
  time(value: Date | null): void;
  /** bytea. */
  bytes(value: Buffer): void;
}

const oids = {
  bytea: 17,
  int8: 20,
  int2: 21,
  text: 25,
  json: 114,
  timestamptz: 1184,
  uuid: 2950,
  jsonb: 3802,
} as const;
// Stands for any composite type: only built-in types have numbers that are the same everywhere (PostgreSQL 13 and later).
const recordOid = 2249;

const arrayHeaderBytes = 20;
const rowHeaderBytes = 8;
const fieldHeaderBytes = 8;
const nullLength = -1;
const usualRowBytes = 256;
// Postgres counts microseconds from 2000-01-01.
const epochOffsetMs = Date.UTC(2000, 0, 1);
const jsonbVersion = 1;

/** Writes into a buffer that grows. Each row and each field stands behind its length. */
class RowWriter implements RowFields {
  #bytes: Buffer;
  #view: DataView;
  #at = arrayHeaderBytes;
  #rowAt = 0;
  #fields = 0;

  constructor(rows: number) {
    this.#bytes = Buffer.allocUnsafe(arrayHeaderBytes + rows * usualRowBytes);
    this.#view = viewOf(this.#bytes);
    const dimensions = rows === 0 ? 0 : 1;
    [dimensions, 0, recordOid, rows, 1].forEach((field, index) => {
      this.#view.setInt32(index * 4, field);
    });
    // Without elements the header ends before their number.
    if (dimensions === 0) this.#at = 12;
  }

  beginRow(): void {
    this.#makeRoom(rowHeaderBytes);
    this.#rowAt = this.#at;
    this.#fields = 0;
    this.#at += rowHeaderBytes;
  }

  endRow(): void {
    this.#view.setInt32(this.#rowAt, this.#at - this.#rowAt - 4);
    this.#view.setInt32(this.#rowAt + 4, this.#fields);
  }

  end(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  uuid(value: string | null): void {
    this.#begin(oids.uuid, value === null ? nullLength : 16);
    if (value !== null) this.#at = writeUuid(this.#view, this.#at, value);
  }

  text(value: string | null): void {
    this.#characters(oids.text, value);
  }

  json(value: string | null): void {
    this.#characters(oids.json, value);
  }

  jsonb(value: string): void {
    this.#characters(oids.jsonb, value, 1);
  }

  bigint(value: bigint): void {
    this.#begin(oids.int8, 8);
    this.#view.setBigInt64(this.#at, value);
    this.#at += 8;
  }

  smallint(value: number): void {
    this.#begin(oids.int2, 2);
    this.#view.setInt16(this.#at, value);
    this.#at += 2;
  }

  time(value: Date | null): void {
    this.#begin(oids.timestamptz, value === null ? nullLength : 8);
    if (value === null) return;
    // In two halves: a bigint for each would be made to be thrown away.
    const microseconds = (value.getTime() - epochOffsetMs) * 1000;
    const high = Math.floor(microseconds / 2 ** 32);
    this.#view.setInt32(this.#at, high);
    this.#view.setUint32(this.#at + 4, microseconds - high * 2 ** 32);
    this.#at += 8;
  }

  bytes(value: Buffer): void {
    this.#begin(oids.bytea, value.length);
    value.copy(this.#bytes, this.#at);
    this.#at += value.length;
  }

  /** `version` bytes stand before the text, as jsonb has one. */
  #characters(oid: number, value: string | null, version = 0): void {
    // No UTF-16 unit takes more than three bytes in UTF-8.
    this.#makeRoom(fieldHeaderBytes + version + (value?.length ?? 0) * 3);
    const start = this.#at + fieldHeaderBytes;
    if (version > 0) this.#bytes[start] = jsonbVersion;
    const written = value === null ? nullLength : this.#bytes.write(value, start + version) + version;
    this.#begin(oid, written);
    this.#at += Math.max(written, 0);
  }

  /** Of a field of so many bytes, for which it makes room. */
  #begin(oid: number, length: number): void {
    this.#makeRoom(fieldHeaderBytes + Math.max(length, 0));
    this.#view.setInt32(this.#at, oid);
    this.#view.setInt32(this.#at + 4, length);
    this.#at += fieldHeaderBytes;
    this.#fields += 1;
  }

  #makeRoom(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
    this.#view = viewOf(larger);
  }
}

function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length);
}

// Where the groups of four digits begin in 01234567-89ab-cdef-0123-456789abcdef.
const groups = [0, 4, 9, 14, 19, 24, 28, 32] as const;

/** Writes the 16 bytes of a canonical uuid; returns the place behind them. */
export function writeUuid(view: DataView, at: number, uuid: string): number {
  for (let index = 0; index < groups.length; index += 1)
    view.setUint16(at + index * 2, group(uuid, groups[index] ?? 0));
  return at + 16;
}

function group(uuid: string, at: number): number {
  const high = (nibble(uuid.charCodeAt(at)) << 12) | (nibble(uuid.charCodeAt(at + 1)) << 8);
  return high | (nibble(uuid.charCodeAt(at + 2)) << 4) | nibble(uuid.charCodeAt(at + 3));
}

/** Of '0'..'9' and 'a'..'f', whose codes are 48..57 and 97..102. */
function nibble(code: number): number {
  return code < 58 ? code - 48 : code - 87;
}
