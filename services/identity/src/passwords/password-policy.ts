import { isCommonPassword } from './common-passwords.ts';

/** Fewest and most characters (code points) of a password. */
export const passwordLength = { min: 8, max: 256 } as const;

/** What a guesser knows of somebody. `email` is expected normalised. */
export interface PasswordOwner {
  email: string;
  name: string;
}

const serviceName = 'florin';
// Shorter parts are in too many good passwords to say anything.
const shortestWord = 3;

/**
 * The form in which a password is hashed and compared: Unicode NFKC, so that the same characters typed on another
 * keyboard or system are the same password (NIST SP 800-63B).
 */
export function normalisePassword(text: string): string {
  return text.normalize('NFKC');
}

/**
 * Says what is wrong with a new password, in words for whoever chose it, or undefined when it may be used: length, and
 * a comparison with what would be guessed first (NIST SP 800-63B-4, 3.1.1.2); no rules about kinds of characters.
 * Expects the normalised password. Never repeats it.
 */
export function passwordFault(password: string, owner: PasswordOwner): string | undefined {
  const { min, max } = passwordLength;
  const length = [...password].length;
  if (length < min) return `must have at least ${min} characters`;
  if (length > max) return `must have at most ${max} characters`;
  if (password.toLowerCase() === owner.email) return 'must not be the email address';
  if (isCommonPassword(password)) return 'is one of the most common passwords';
  if (isMadeOfKnownWords(password, owner))
    return 'must be more than the name, the email address or the name of this bank';
  return undefined;
}

/** Whether nothing but digits and signs is left of it without the words that everybody knows of its owner. */
function isMadeOfKnownWords(password: string, { email, name }: PasswordOwner): boolean {
  const words = `${email} ${name.normalize('NFKC').toLowerCase()} ${serviceName}`
    .split(/[^\p{L}]+/u)
    .filter((word) => word.length >= shortestWord)
    // The longest first: a short word inside it would leave a rest that no word fits.
    .sort((one, other) => other.length - one.length);
  const text = password.toLowerCase();
  const rest = words.reduce((left, word) => left.replaceAll(word, ' '), text);
  return rest !== text && !/\p{L}/u.test(rest);
}
