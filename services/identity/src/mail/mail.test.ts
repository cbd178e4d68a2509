import { describe, expect, it } from 'vitest';
import { isTooLate, type MailKind, retryDelayMs } from './mail.ts';
import { mailText } from './mail-text.ts';

const kinds: MailKind[] = [
  ...(['verify_email', 'reset_password', 'change_email', 'password_changed'] as const),
  ...(['email_change_requested', 'email_changed', 'passkey_added', 'passkey_removed'] as const),
];
const facts = { appUrl: 'http://localhost:8080', token: 'T'.repeat(32) };

describe('the texts of mails', () => {
  it.each(kinds)('%s is plain ASCII in lines of 76 at most, so that it can be read as it travels', (kind) => {
    const { subject, text } = mailText(kind, 'en', facts);
    expect(subject).toMatch(/^[\x20-\x7e]{1,76}$/);
    for (const line of text.split('\n')) expect(line).toMatch(/^[\x20-\x7e]{0,76}$/);
  });

  it.each(['en-GB', 'de-CH', 'zh-Hant-TW', 'x-nonsense', ''])('are English for %j', (locale) => {
    for (const kind of kinds) expect(mailText(kind, locale, facts)).toEqual(mailText(kind, 'en', facts));
  });

  it('carry the token behind #, where no server sees it, and alone for those who cannot open links', () => {
    const { text } = mailText('reset_password', 'en', facts);
    expect(text).toContain(`\nhttp://localhost:8080/reset-password#token=${facts.token}\n`);
    expect(text).toContain(`\n${facts.token}\n`);
    expect(mailText('verify_email', 'en', facts).text).toContain(`/verify-email#token=${facts.token}\n`);
    expect(mailText('password_changed', 'en', facts).text).not.toContain(facts.token);
  });
});

describe('mails that do not get away', () => {
  it('come again after 5 s, 10 s … an hour, less up to a third', () => {
    expect([1, 2, 3, 10, 11, 1000].map((attempts) => retryDelayMs(attempts, 0))).toEqual([
      5_000, 10_000, 20_000, 2_560_000, 3_600_000, 3_600_000,
    ]);
    expect(retryDelayMs(1, 0.9999)).toBeGreaterThanOrEqual(3_333);
  });

  it('are given up when nobody waits for them any more', () => {
    expect(isTooLate('reset_password', 3_600_000)).toBe(false);
    expect(isTooLate('reset_password', 3_600_001)).toBe(true);
    expect(isTooLate('password_changed', 48 * 3_600_000)).toBe(false);
    expect(isTooLate('verify_email', 73 * 3_600_000)).toBe(true);
  });
});
