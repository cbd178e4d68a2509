import type { Role } from '@florin/auth';
import { formatId } from '@florin/service';

/** Roles in the order in which they are shown. */
export const roles = ['customer', 'operator', 'auditor', 'admin'] as const satisfies readonly Role[];

/** A disabled user cannot log in and has no session. */
export type UserStatus = 'active' | 'disabled';

/** How well the bank knows a customer, the least first. */
export const kycLevels = ['none', 'basic', 'full'] as const;

/** One of those. */
export type KycLevel = (typeof kycLevels)[number];

/** A person who can log in. Never carries the password hash. */
export interface User {
  /** uuid */
  id: string;
  /** In lower case; unique. */
  email: string;
  name: string;
  /** Canonical BCP 47. */
  locale: string;
  roles: Role[];
  status: UserStatus;
  kycLevel: KycLevel;
  emailVerifiedAt: Date | null;
  createdAt: Date;
}

/** The user as the API shows it to himself and to operators. */
export interface UserView {
  id: string;
  email: string;
  name: string;
  locale: string;
  roles: Role[];
  status: UserStatus;
  emailVerified: boolean;
  createdAt: string;
}

const atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}";
const label = '[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?';

/**
 * ASCII addresses, 64 characters before the @ at most, and a domain of at least two labels; domains in other scripts in
 * their `xn--` form. Every repetition is bounded or ends at a character that it cannot match, so no text takes long.
 */
export const emailPattern = `^(?=[^@]{1,64}@)${atom}(\\.${atom}){0,31}@(${label}\\.){1,32}[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`;

/** Begins with a visible character; no control characters, line separators or marks that turn the reading direction. */
export const namePattern = '^[^\\p{C}\\p{Z}][^\\p{Cc}\\p{Zl}\\p{Zp}\\u202a-\\u202e\\u2066-\\u2069]*$';

/** The name that the admin of the settings begins with. */
export const firstAdminName = 'Administrator';

/** Emails that differ in case only are the same. */
export function normaliseEmail(email: string): string {
  return email.toLowerCase();
}

/** The canonical spelling of a BCP 47 tag (`EN-us` → `en-US`), or undefined when it is none. */
export function canonicalLocale(tag: string): string | undefined {
  try {
    return Intl.getCanonicalLocales(tag)[0];
  } catch {
    return undefined;
  }
}

/** The given roles, each once, in the usual order. */
export function sortedRoles(given: readonly Role[]): Role[] {
  return roles.filter((role) => given.includes(role));
}

/** Whether the roles let someone see or change others' things, so that only an admin may change the user. */
export function isStaff(given: readonly Role[]): boolean {
  return given.some((role) => role !== 'customer');
}

/** Shows a user to operators, with what is theirs to judge. */
export function viewUserForStaff(user: User): UserView & { kycLevel: KycLevel } {
  return { ...viewUser(user), kycLevel: user.kycLevel };
}

/** Shows a user. */
export function viewUser(user: User): UserView {
  return {
    id: formatId('usr', user.id),
    email: user.email,
    name: user.name,
    locale: user.locale,
    roles: user.roles,
    status: user.status,
    emailVerified: user.emailVerifiedAt !== null,
    createdAt: user.createdAt.toISOString(),
  };
}
