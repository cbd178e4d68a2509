import type { Database } from '@florin/database';
import { mailsOldestSeconds, mailsWaiting } from '../metrics.ts';
import { type Repeated, repeat } from '../repeat.ts';
import type { Tables } from '../tables.ts';
import { countWaitingMails } from './mail-queries.ts';
import { openMailer } from './mailer.ts';
import { type MailOffice, startMails } from './send-mails.ts';

const measureMs = 15_000;

/** Where mails go, as the settings say. */
export interface MailSettings {
  /** Without it mails wait. */
  smtpUrl: string | undefined;
  from: string;
  appUrl: string;
}

/**
 * Sends mails, and measures how many wait. Without a relay all of them do, which is warned of once and seen in the
 * metrics; people can do everything but confirm their address and choose a new password.
 */
export function startMailService(
  db: Database<Tables>,
  { smtpUrl, from, appUrl }: MailSettings,
  logger: MailOffice['logger'],
): Repeated {
  const measuring = repeat(
    () => measureMails(db),
    measureMs,
    (error) => logger.error({ err: error }, 'waiting mails could not be counted'),
  );
  if (smtpUrl === undefined) {
    logger.warn({}, 'SMTP_URL is not set: mails are kept and not sent');
    return measuring;
  }
  const sending = startMails({ db, mailer: openMailer({ smtpUrl, from }), appUrl, logger });
  return { close: async () => void (await Promise.all([measuring.close(), sending.close()])) };
}

/** Brings the metrics of waiting mails up to date. */
export async function measureMails(db: Database<Tables>): Promise<void> {
  const { count, oldestSeconds } = await countWaitingMails(db);
  mailsWaiting.set(count);
  mailsOldestSeconds.set(oldestSeconds);
}
