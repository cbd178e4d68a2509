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
  change_email: (facts) => ({
    subject: 'Confirm your new email address',
    text: `Somebody, probably you, wants to use this email address for a Florin
account.

Sign in and confirm it here:

${link('/change-email', facts)}

If the link does not open, use this code:

${facts.token}

Both work once, within one hour, for the account that asked for it. If it
was not you, ignore this mail: nothing changes.
`,
  }),
  email_change_requested: ({ appUrl }) => ({
    subject: 'Your email address is about to change',
    text: `Another email address was given for your Florin account. It takes the
place of this one as soon as it is confirmed.

If it was not you, choose a new password at once, which also ends all
sessions:

${appUrl}/forgot-password
`,
  }),
  email_changed: ({ appUrl }) => ({
    subject: 'Your email address was changed',
    text: `Your Florin account has another email address now. You sign in with that
one, and our mails go there. Your other sessions were ended.

If it was not you, tell us at once:

${appUrl}
`,
  }),
  passkey_added: ({ appUrl }) => ({
    subject: 'A passkey was added',
    text: `A passkey was added to your Florin account. It signs in without your
password.

If it was not you, choose a new password at once and remove the passkey:

${appUrl}/forgot-password
`,
  }),
  passkey_removed: ({ appUrl }) => ({
    subject: 'A passkey was removed',
    text: `A passkey was removed from your Florin account. It does not sign in any
more.

If it was not you, choose a new password at once:

${appUrl}/forgot-password
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
