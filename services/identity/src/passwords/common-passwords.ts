import { readFileSync } from 'node:fs';

// Passwords that lead the published lists of leaked ones, and the words that they are made of, in lower case.
const common = new Set(
  readFileSync(new URL('./common-passwords.txt', import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== ''),
);

// A few digits, a year or a run of digits with a sign before or after: `1`, `123!`, `@2026`.
const usualEnding = /[^\p{L}\p{N}]?(?:\d{1,4}|12345\d{0,5})?[^\p{L}\p{N}]{0,2}$/u;
const usualSigns: Record<string, string> = { '@': 'a', '4': 'a', '3': 'e', '1': 'i', '0': 'o', $: 's', '5': 's' };

/**
 * Whether a password is among the first that anybody would try: on the list as it is, or after what people usually do
 * to a word so that it passes for a password. The whole password is compared, never a part: a long one may hold any word.
 */
export function isCommonPassword(password: string): boolean {
  const text = password.toLowerCase();
  const word = text.replace(usualEnding, '');
  return [text, word, asLetters(text), asLetters(word)].some((form) => common.has(form));
}

function asLetters(text: string): string {
  return text.replace(/[@431$05]/g, (sign) => usualSigns[sign] ?? sign);
}
