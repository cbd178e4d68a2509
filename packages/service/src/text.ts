/** A place in a value, as a JSON pointer, and what is wrong with it. */
export interface UnfitText {
  pointer: string;
  message: string;
}

const prototypeKeys = new Set(['__proto__', 'constructor']);

/** Whether PostgreSQL and JSON can carry the text: no NUL, no half of a surrogate pair. */
export function isFitText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/** One segment of a JSON pointer, escaped and shortened; names that can't be shown safely become `?`. */
export function pointerSegment(name: string): string {
  const shown = isFitText(name) ? name.slice(0, 100).toWellFormed() : '?';
  return `/${shown.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function findInKey(key: string): string | undefined {
  if (prototypeKeys.has(key)) return 'must not be named so';
  return isFitText(key) ? undefined : 'must be named without NUL and lone surrogates';
}

// The pointer is put together on the way back: most values have nothing to point at.
function find(value: unknown, depth: number): UnfitText | undefined {
  if (typeof value === 'string') {
    return isFitText(value) ? undefined : { pointer: '', message: 'must not hold NUL or lone surrogates' };
  }
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth === 0) return { pointer: '', message: 'must not be nested so deeply' };
  for (const key of Object.keys(value)) {
    const message = findInKey(key);
    if (message) return { pointer: pointerSegment(key), message };
    const unfit = find((value as Record<string, unknown>)[key], depth - 1);
    if (unfit) return { pointer: pointerSegment(key) + unfit.pointer, message: unfit.message };
  }
  return undefined;
}

/**
 * The first text in a parsed value that can't be stored or passed on: NUL, a lone surrogate, a key that reaches for a
 * prototype (`__proto__`, `constructor`), or an object nested deeper than `maxDepth`.
 */
export function findUnfitText(value: unknown, maxDepth: number): UnfitText | undefined {
  return find(value, maxDepth);
}
