import { type Argon2Parameters, argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(argon2);
const parameters = { memory: 19_456, passes: 2, parallelism: 1 } as const;
const saltLength = 16;
const tagLength = 32;

const phc = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** Computes password hashes and compares with them. Passwords are expected normalised. */
export interface PasswordHasher {
  hash(password: string): Promise<string>;
  verify(password: string, stored: string): Promise<boolean>;
}

/** Argon2id with 19 MiB, 2 passes, 1 lane (OWASP's floor), as a PHC string. About 20 ms of a thread off the event loop. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltLength);
  return format(salt, await derive('argon2id', { ...parameters, message: password, nonce: salt, tagLength }));
}

/**
 * Whether the password is the one of the PHC string, with the parameters that the string names.
 *
 * @throws Error when the string is not a PHC string of argon2id; the message does not repeat it.
 */
export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const { tag, ...known } = parse(stored);
  const derived = await derive('argon2id', { ...known, message: password, tagLength: tag.length });
  return timingSafeEqual(derived, tag);
}

/** Hashing on threads of this process. */
export const hashHere: PasswordHasher = { hash: hashPassword, verify: verifyPassword };

/** A hash that no password fits, as costly to compare with as a real one: for emails that nobody has registered. */
export const unmatchableHash: string = format(randomBytes(saltLength), randomBytes(tagLength));

function format(salt: Buffer, tag: Buffer): string {
  const { memory, passes, parallelism } = parameters;
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${unpadded(salt)}$${unpadded(tag)}`;
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

function parse(stored: string): Omit<Argon2Parameters, 'message' | 'tagLength'> & { tag: Buffer } {
  const [, memory, passes, parallelism, salt, tag] = phc.exec(stored) ?? [];
  if (salt === undefined || tag === undefined) throw new Error('A stored password is not a PHC string of argon2id');
  return {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    nonce: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  };
}
