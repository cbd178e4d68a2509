const secretName =
  /authorization|cookie|password|passphrase|secret|token|otp|api[-_]?key|private[-_]?key|recovery[-_]?code/i;
const maxDepth = 6;
const mostNames = 1000;

// Fields have few names, and each line has them again.
const judgedNames = new Map<string, boolean>();

function isSecretName(name: string): boolean {
  const judged = judgedNames.get(name);
  if (judged !== undefined) return judged;
  const isSecret = secretName.test(name);
  if (judgedNames.size < mostNames) judgedNames.set(name, isSecret);
  return isSecret;
}

/** What stands in the place of a secret. */
export const redacted = '[redacted]';

/** A copy in which every value under a secret's name is replaced, at any depth; numbers and booleans stay. */
export function redactFields(fields: Record<string, unknown>, depth = 0): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(fields)) {
    copy[name] = redactValue(name, fields[name], depth);
  }
  return copy;
}

function redactValue(name: string, value: unknown, depth: number): unknown {
  if (typeof value === 'number' || typeof value === 'boolean' || value === null || value === undefined) return value;
  if (isSecretName(name)) return redacted;
  if (typeof value !== 'object') return value;
  if (value instanceof Error) return describeError(value, depth);
  if (depth >= maxDepth) return '[deep]';
  if (Array.isArray(value)) return value.map((item) => redactValue('', item, depth + 1));
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return value;
  // Requests, sockets and pools hold everything there is: their name must do.
  if (!isPlain(value)) return `[${value.constructor?.name ?? 'object'}]`;
  return redactFields(value as Record<string, unknown>, depth + 1);
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/**
 * An error as a log line carries it. Only these fields: database and HTTP errors bring rows, parameters and headers
 * along as properties of their own.
 */
export function describeError(error: Error, depth = 0): Record<string, unknown> {
  const code = 'code' in error ? { code: error.code } : {};
  const constraint = 'constraint' in error ? { constraint: error.constraint } : {};
  const cause =
    error.cause instanceof Error && depth < maxDepth ? { cause: describeError(error.cause, depth + 1) } : {};
  return { type: error.name, message: error.message, stack: error.stack, ...code, ...constraint, ...cause };
}

// The first group is kept.
const secretText = new RegExp(
  [
    // Passwords in addresses.
    '(://[^\\s/:@"]*:)[^\\s/@"]+(?=@)',
    // Signed tokens, API keys and webhook secrets, wherever somebody put them.
    '\\beyJ[\\w-]{10,}\\.[\\w-]+\\.[\\w-]*',
    '\\bflk_\\w+',
    '\\bflr_[\\w-]+',
    '\\bwhsec_[\\w+/=]+',
    '(\\bBearer )[\\w.~+/=-]+',
  ].join('|'),
  'g',
);

/** The text without passwords in addresses, tokens and keys, whatever field or message they are in. */
export function redactText(text: string): string {
  return text.replace(secretText, (_match, address = '', scheme = '') => `${address}${scheme}${redacted}`);
}
