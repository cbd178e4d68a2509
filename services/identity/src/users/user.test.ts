import type { Role } from '@florin/auth';
import { ProblemError } from '@florin/service';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refuseChange, type UserChange } from './change-user.ts';
import { newUser } from './register-user.ts';
import { canonicalLocale, emailPattern, namePattern } from './user.ts';

const email = new RegExp(emailPattern, 'u');
const name = new RegExp(namePattern, 'u');

describe('emails', () => {
  it.each([
    'a@b.co',
    'Anna.Maria+tag@mail.example.com',
    "o'neill@example.ie",
    `${'x'.repeat(64)}@example.com`,
    `a@${'x'.repeat(63)}.example`,
    'anna@xn--bcher-kva.example',
  ])('takes %s', (text) => expect(email.test(text)).toBe(true));

  it.each([
    'anna',
    'anna@localhost',
    '@example.com',
    'anna@',
    'anna@@example.com',
    'a b@example.com',
    '.anna@example.com',
    'anna.@example.com',
    'an..na@example.com',
    'anna@-example.com',
    'anna@example-.com',
    'anna@example..com',
    'anna@example.com.',
    'anna@1.2.3.4',
    'anna@example.com\r\nBcc: all@example.com',
    'änna@example.com',
    `${'x'.repeat(65)}@example.com`,
    `a@${'x'.repeat(64)}.example`,
    '"anna"@example.com',
    '<anna@example.com>',
  ])('refuses %j', (text) => expect(email.test(text)).toBe(false));

  it('no text takes long', () => {
    const hostile = ['a@', 'a.', '-a', 'a-', 'aa', '@a.', '.'].flatMap((part) => [
      part.repeat(32_000),
      `a@${part.repeat(32_000)}!`,
      `a@b.${part.repeat(32_000)}`,
    ]);
    for (const text of hostile) expect(workedMs(email, text)).toBeLessThan(100);
  });

  it('control: a pattern that can be read in many ways is found, by a text of 24 characters', () => {
    expect(workedMs(/^([a-z]+)+@/, 'a'.repeat(24))).toBeGreaterThan(100);
  });
});

/** Milliseconds that this thread works to see whether the text fits: no other process counts. */
function workedMs(pattern: RegExp, text: string): number {
  const threadMs = () => process.threadCpuUsage().user / 1000;
  const startedAt = threadMs();
  pattern.test(text);
  return threadMs() - startedAt;
}

describe('names', () => {
  it.each(['Anna', 'Ana María', '李小龍', "O'Neill", 'X Æ A-12', '👩‍🚀'])('takes %s', (text) =>
    expect(name.test(text)).toBe(true),
  );
  it.each(['', ' ', ' Anna', 'An\nna', 'An\u0000na', 'An\u0085na', 'An\u2028na', 'An\u202ena', '\u200b'])(
    'refuses %j',
    (text) => expect(name.test(text)).toBe(false),
  );
});

describe('canonicalLocale', () => {
  it.each([
    ['EN-us', 'en-US'],
    ['zh-hant-tw', 'zh-Hant-TW'],
    ['de', 'de'],
    ['german', 'german'],
    ['e', undefined],
    ['en_US', undefined],
    ['en-', undefined],
    ['../etc', undefined],
  ])('%s → %s', (tag, canonical) => expect(canonicalLocale(tag)).toBe(canonical));

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (tag) => void canonicalLocale(tag)));
  });
});

describe('refuseChange', () => {
  const decide = (changer: Role[], user: Role[], change: UserChange, self = false) => {
    const target = newUser({ email: 'a@example.com', name: 'A', roles: user });
    const refusal = refuseChange(
      { userId: self ? target.id : 'another', ip: undefined, roles: changer },
      target,
      change,
    );
    return refusal instanceof ProblemError ? refusal.code : refusal;
  };

  it.each<[string, Role[], Role[], UserChange, boolean, string | undefined]>([
    ['an operator disables a customer', ['operator'], ['customer'], { status: 'disabled' }, false, undefined],
    ['an operator enables a customer', ['operator'], ['customer'], { status: 'active' }, false, undefined],
    ['an operator gives a role', ['operator'], ['customer'], { roles: ['customer', 'operator'] }, false, 'forbidden'],
    ['an operator sets the same roles', ['operator'], ['customer'], { roles: ['customer'] }, false, 'forbidden'],
    ['an operator raises himself', ['operator'], ['operator'], { roles: ['admin'] }, true, 'forbidden'],
    ['an operator disables an admin', ['operator'], ['admin'], { status: 'disabled' }, false, 'forbidden'],
    [
      'an operator disables an auditor',
      ['operator'],
      ['customer', 'auditor'],
      { status: 'disabled' },
      false,
      'forbidden',
    ],
    ['an admin gives a role', ['admin'], ['customer'], { roles: ['operator'] }, false, undefined],
    ['an admin disables an admin', ['admin'], ['admin'], { status: 'disabled' }, false, undefined],
    ['an admin takes the role from another', ['admin'], ['admin'], { roles: ['customer'] }, false, undefined],
    ['an admin takes the role from himself', ['admin'], ['admin'], { roles: ['operator'] }, true, 'conflict'],
    ['an admin adds a role to himself', ['admin'], ['admin'], { roles: ['admin', 'auditor'] }, true, undefined],
    ['an admin disables himself', ['admin'], ['admin'], { status: 'disabled' }, true, 'conflict'],
  ])('%s', (_case, changer, user, change, self, code) => {
    expect(decide(changer, user, change, self)).toBe(code);
  });
});
