import type { MailKind } from './mail.ts';

/** The words of one mail. */
export interface MailText {
  subject: string;
  text: string;
}

/** What may stand in a mail. Nothing that a person typed: a stranger could use us to send his own words to anybody. */
export interface MailFacts {
  /** Where people use Florin, without a slash at the end. */
  appUrl: string;
  /** Empty where the mail carries none. */
  token: string;
}

type Texts = Record<MailKind, (facts: MailFacts) => MailText>;

// Behind # a token stays in the browser: servers on the way neither get nor log it.
const link = (path: string, { appUrl, token }: MailFacts) => `${appUrl}${path}#token=${token}`;

const english: Texts = {
  verify_email: (facts) => ({
    subject: 'Confirm your email address',
    text: `Welcome to Florin.

Please confirm that this email address is yours:

${link('/verify-email', facts)}

If the link does not open, use this code:

${facts.token}

Both work once, within 24 hours. If you did not register with Florin,
ignore this mail.
`,
  }),
  reset_password: (facts) => ({
    subject: 'Choose a new password',
    text: `Somebody, probably you, asked for a new password for this email address.

Choose it here:

${link('/reset-password', facts)}

If the link does not open, use this code:

${facts.token}

Both work once, within one hour. If it was not you, ignore this mail: your
password stays as it is.
`,
  }),
  password_changed: ({ appUrl }) => ({
    subject: 'Your password was changed',
    text: `The password of your Florin account was changed, and your other sessions
were ended.

If it was not you, choose a new password at once:

${appUrl}/forgot-password
`,
  }),
};

const byLanguage: ReadonlyMap<string, Texts> = new Map([['en', english]]);

/** The mail in the person's language (BCP 47: `de-CH`, else `de`), or in English. */
export function mailText(kind: MailKind, locale: string, facts: MailFacts): MailText {
  const [language = ''] = locale.split('-');
  const texts = byLanguage.get(locale) ?? byLanguage.get(language) ?? english;
  return texts[kind](facts);
}
