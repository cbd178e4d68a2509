import { pointerSegment } from './text.ts';

const quote = 34;
const backslash = 92;
const colon = 58;

interface Container {
  /** Keys seen so far; undefined for an array. */
  keys: Set<string> | undefined;
  /** The key, or the index in an array, that the scanner stands at. */
  at: string | number;
}

/** Walks over valid JSON text, from one structural character or string to the next. */
class KeyScanner {
  private readonly open: Container[] = [];
  private expectsKey = false;

  /** Takes a string token, quotes not included. Returns false when it is a key that its object already has. */
  takeString(raw: string): boolean {
    const object = this.open.at(-1);
    if (!this.expectsKey || !object?.keys) return true;
    this.expectsKey = false;
    const key = raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
    object.at = key;
    if (object.keys.has(key)) return false;
    object.keys.add(key);
    return true;
  }

  /** Takes a character outside strings. */
  takeCharacter(character: string): void {
    if (character === '{' || character === '[') {
      this.expectsKey = character === '{';
      this.open.push(this.expectsKey ? { keys: new Set(), at: '' } : { keys: undefined, at: 0 });
    } else if (character === '}' || character === ']') {
      this.open.pop();
      this.expectsKey = false;
    } else if (character === ',') {
      const container = this.open.at(-1);
      if (container?.keys) this.expectsKey = true;
      else if (container) container.at = Number(container.at) + 1;
    }
  }

  get pointer(): string {
    return this.open.map(({ at }) => pointerSegment(String(at))).join('');
  }
}

function endOfString(text: string, start: number): number {
  let position = start;
  for (let code = text.charCodeAt(position); code !== quote; code = text.charCodeAt(position)) {
    position += code === backslash ? 2 : 1;
  }
  return position;
}

/** How many keys a valid JSON text spells: each has a colon, and no colon is anywhere else outside strings. */
function countSpelled(text: string): number {
  let count = 0;
  for (let position = 0; position < text.length; position += 1) {
    const code = text.charCodeAt(position);
    if (code === colon) count += 1;
    else if (code === quote) position = endOfString(text, position + 1);
  }
  return count;
}

function countKept(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) count += countKept(item);
    return count;
  }
  for (const key of Object.keys(value)) count += 1 + countKept((value as Record<string, unknown>)[key]);
  return count;
}

function scan(text: string): string | undefined {
  const scanner = new KeyScanner();
  for (let position = 0; position < text.length; position += 1) {
    if (text.charCodeAt(position) !== quote) {
      scanner.takeCharacter(text.charAt(position));
      continue;
    }
    const end = endOfString(text, position + 1);
    if (!scanner.takeString(text.slice(position + 1, end))) return scanner.pointer;
    position = end;
  }
  return undefined;
}

/**
 * The JSON pointer of the first key that its object already has, or undefined. `text` must be valid JSON and `value` what
 * JSON.parse makes of it, which keeps the last of several equal keys, so two readers of one body could see different amounts.
 */
export function findDuplicateKey(text: string, value: unknown): string | undefined {
  return countSpelled(text) === countKept(value) ? undefined : scan(text);
}
