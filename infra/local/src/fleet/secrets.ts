import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writePrivateFile } from './private-file.ts';

/** Passwords and keys of one installation, made at their first use and kept in a file only its user can read. */
export class Secrets {
  readonly #file: string;
  readonly #values: Record<string, string>;

  /** @throws Error when the file is there but cannot be read: new secrets would lock everybody out of the old data */
  constructor(file: string) {
    this.#file = file;
    this.#values = read(file);
  }

  /** 48 hexadecimal digits, which also pass as base64. */
  get(name: string): string {
    return this.#values[name] ?? this.#add(name);
  }

  #add(name: string): string {
    const value = randomBytes(24).toString('hex');
    this.#values[name] = value;
    writePrivateFile(this.#file, this.#values);
    return value;
  }
}

function read(file: string): Record<string, string> {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw new Error(`${file} cannot be read; remove it together with the data beside it, or restore it.`);
  }
}
