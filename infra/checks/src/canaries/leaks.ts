/** A secret, with where it went in or what it is, for the message when it is found. */
export interface Canary {
  readonly name: string;
  readonly value: string;
}

/** In characters. */
const shortest = 6;

/** The forms in which a secret could stand somewhere: as it is, in hex, in base64 at each offset, as a list of bytes. */
export function formsOf(value: string): string[] {
  const bytes = Buffer.from(value);
  const base64 = [0, 1, 2].flatMap((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    // What the bytes before and after have a part in is left out.
    const inner = text.slice(Math.ceil((offset * 4) / 3), Math.floor(((offset + bytes.length) * 4) / 3));
    return [inner, inner.replaceAll('+', '-').replaceAll('/', '_')];
  });
  const escaped = [encodeURIComponent(value), JSON.stringify(value).slice(1, -1)];
  const all = [value, value.toLowerCase(), bytes.toString('hex'), bytes.join(','), ...base64, ...escaped];
  return [...new Set(all)];
}

/** Which of the secrets stand in which of the texts: `password of POST /v1/auth/login in the log of gateway`. */
export function leaksIn(places: Readonly<Record<string, string>>, canaries: readonly Canary[]): string[] {
  const tooShort = canaries.filter(({ value }) => value.length < shortest);
  if (tooShort.length > 0) throw new Error(`too short to search for: ${tooShort.map(({ name }) => name).join(', ')}`);
  // Hundreds begin alike: where none of the forms of that beginning is, none of them can be.
  const byBeginning = Map.groupBy(canaries, ({ value }) => value.slice(0, shortest));
  return Object.entries(places).flatMap(([place, text]) =>
    [...byBeginning]
      .filter(([beginning]) => holds(text, beginning))
      .flatMap(([, group]) => group.filter(({ value }) => holds(text, value)))
      .map(({ name }) => `${name} in ${place}`),
  );
}

function holds(text: string, value: string): boolean {
  return formsOf(value).some((form) => text.includes(form));
}
