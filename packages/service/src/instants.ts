let lastMs = Number.NaN;
let lastText = '';

/** RFC 3339 in UTC with milliseconds. Remembers the last instant: what happens together is written with one, many times over. */
export function formatInstant(instant: Date): string {
  const ms = instant.getTime();
  if (ms !== lastMs) {
    lastText = instant.toISOString();
    lastMs = ms;
  }
  return lastText;
}
