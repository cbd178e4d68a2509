import type { Readable } from 'node:stream';

/** Gives the lines of a text as they come, with all that have come together at once; at the end also one without a line break. */
export function readLines(stream: Readable, take: (lines: readonly string[]) => void): void {
  let begun = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (begun + text).split('\n');
    begun = lines.pop() ?? '';
    if (lines.length > 0) take(lines);
  });
  stream.on('end', () => {
    if (begun !== '') take([begun]);
  });
}
