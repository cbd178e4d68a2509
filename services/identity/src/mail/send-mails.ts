import { type Database, inTransaction, type Transaction } from '@florin/database';
import { startWorkLoop, type WorkLoop } from '@florin/service';
import { mailsEnded } from '../metrics.ts';
import { isTokenPurpose } from '../one-time-tokens/one-time-token.ts';
import { issueToken } from '../one-time-tokens/one-time-token-queries.ts';
import type { Tables } from '../tables.ts';
import { isEmailTaken } from '../users/user-queries.ts';
import { isTooLate, type MailEnd, retryDelayMs } from './mail.ts';
import {
  type ClaimedMail,
  claimMails,
  endMail,
  isWaiting,
  lockRecipient,
  type Recipient,
  retryMail,
  takeResetMail,
} from './mail-queries.ts';
import { mailText } from './mail-text.ts';
import { type Mailer, type OutgoingMail, RecipientRefused } from './mailer.ts';

const attemptMs = 30_000;
const leaseMs = 60_000;
// A mail under way when the process ends is better finished: broken off, it might go out twice.
const closeGraceMs = 3_000;
const pollMs = 1_000;
const concurrency = 4;

/** What mails are sent with. */
export interface MailOffice {
  db: Database<Tables>;
  mailer: Mailer;
  /** Where links lead. */
  appUrl: string;
  logger: { warn(details: object, message: string): void; error(details: object, message: string): void };
}

/**
 * Sends the mails that are asked for in the table, and tries again those that don't get away. Each attempt carries a
 * token of its own, made now and kept as a hash. At least once: when the process dies between the relay's answer and
 * its record, the mail goes out again.
 */
export function startMails(office: MailOffice): WorkLoop {
  const closing = new AbortController();
  const loop = startWorkLoop<ClaimedMail>({
    claim: (limit) => claimMails(office.db, limit, leaseMs),
    work: (mail) => attempt(office, mail, AbortSignal.any([closing.signal, AbortSignal.timeout(attemptMs)])),
    onError: (error) => office.logger.error({ err: error }, 'a mail could not be claimed or recorded'),
    concurrency,
    pollMs,
  });
  return {
    wake: loop.wake,
    async close() {
      const timer = setTimeout(() => closing.abort(), closeGraceMs);
      await loop.close();
      clearTimeout(timer);
    },
  };
}

async function attempt(office: MailOffice, mail: ClaimedMail, signal: AbortSignal): Promise<void> {
  const { db, mailer, logger } = office;
  if (isTooLate(mail.kind, mail.ageMs)) return await end(office, mail, 'failed');
  const outgoing = await inTransaction(db, (tx) => prepare(tx, office, mail));
  if (outgoing === undefined) return await end(office, mail, 'dropped');
  try {
    await mailer.send(outgoing, signal);
  } catch (error) {
    const refused = error instanceof RecipientRefused;
    logger.warn(
      { mail: mail.id, kind: mail.kind, attempts: mail.attempts, refused, ...causeOf(error) },
      'mail not sent',
    );
    if (refused) return await end(office, mail, 'failed');
    mailsEnded.inc({ kind: mail.kind, outcome: 'retried' });
    return await retryMail(db, mail.id, retryDelayMs(mail.attempts, Math.random()));
  }
  await end(office, mail, 'sent');
}

async function end({ db }: MailOffice, { id, kind }: ClaimedMail, outcome: MailEnd): Promise<void> {
  mailsEnded.inc({ kind, outcome });
  await endMail(db, id, outcome);
}

/** The mail with a new token, or undefined when nobody is to get it. */
async function prepare(
  tx: Transaction<Tables>,
  { appUrl }: Pick<MailOffice, 'appUrl'>,
  mail: ClaimedMail,
): Promise<OutgoingMail | undefined> {
  const recipient = await lockRecipient(tx, mail);
  if (recipient === undefined || !isWanted(mail, recipient) || !(await isWaiting(tx, mail.id))) return undefined;
  const { id, kind, userId, address } = mail;
  if (userId === null && !(await takeResetMail(tx, id, recipient.id))) return undefined;
  // Whoever has the address already is not to be written to, and who asked is not to learn it.
  if (kind === 'change_email' && (await isEmailTaken(tx, address ?? recipient.email))) return undefined;
  const proven = kind === 'change_email' ? address : null;
  const token = isTokenPurpose(kind) ? await issueToken(tx, kind, recipient.id, proven) : '';
  return { id, to: address ?? recipient.email, ...mailText(kind, recipient.locale, { appUrl, token }) };
}

function isWanted({ kind }: ClaimedMail, { isActive, isVerified }: Recipient): boolean {
  if (kind === 'verify_email') return isActive && !isVerified;
  return isActive || !isTokenPurpose(kind);
}

/** The relay's message may repeat the recipient: only its codes are logged. */
function causeOf(error: unknown): object {
  const { code, responseCode, command } = error as { code?: unknown; responseCode?: unknown; command?: unknown };
  return { code, responseCode, command };
}
