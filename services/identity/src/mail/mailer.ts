import { createTransport } from 'nodemailer';
import { emailPattern } from '../users/user.ts';

const connectMs = 10_000;
const silenceMs = 15_000;
const recipientForm = new RegExp(emailPattern);

/** A mail ready to go. */
export interface OutgoingMail {
  /** Stays the same over attempts, so that a receiver can see a repeat. */
  id: string;
  to: string;
  subject: string;
  text: string;
}

/** The recipient can't be reached by any number of attempts. */
export class RecipientRefused extends Error {
  override name = 'RecipientRefused';
}

/** The way to the relay. */
export interface Mailer {
  /**
   * Hands one mail over; resolves when the relay has taken it.
   *
   * @throws {RecipientRefused} when there is no such recipient
   * @throws Error when it may work later; its message may repeat the recipient. So when `signal` ends the attempt, after
   *   which the relay may have the mail nevertheless.
   */
  send(mail: OutgoingMail, signal: AbortSignal): Promise<void>;
}

/** `smtpUrl`: smtp:// (TLS where the relay offers it) or smtps://, with user and password where needed. */
export function openMailer({ smtpUrl, from }: { smtpUrl: string; from: string }): Mailer {
  const transport = createTransport({
    url: smtpUrl,
    connectionTimeout: connectMs,
    greetingTimeout: connectMs,
    socketTimeout: silenceMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const domain = /@([^@>\s]+)>?$/.exec(from)?.[1] ?? 'localhost';
  return {
    async send({ id, to, subject, text }, signal) {
      // Whatever is not one plain address could become a second recipient, a header or a command of its own.
      if (!recipientForm.test(to)) throw new RecipientRefused('Not an address that mail can be sent to');
      const address = { name: '', address: to };
      try {
        await transport.sendMail({
          from,
          to: address,
          subject,
          text,
          messageId: `<${id}@${domain}>`,
          headers: { 'Auto-Submitted': 'auto-generated' },
          signal,
        });
      } catch (error) {
        throw isRefusal(error) ? new RecipientRefused('The relay refuses the recipient') : error;
      }
    },
  };
}

/** The relay's 5yz answer to RCPT TO. One to anything else is about us, and may be put right. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error) || !('command' in error) || !('responseCode' in error)) return false;
  return error.command === 'RCPT TO' && Number(error.responseCode) >= 500;
}
