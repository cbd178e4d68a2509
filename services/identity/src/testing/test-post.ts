import type { WorkLoop } from '@florin/service';
import { createLogger } from '@florin/telemetry';
import { eventually } from '@florin/testing';
import { startTestMail, type TestMail } from '@florin/testing/mail';
import PostalMime, { type Email } from 'postal-mime';
import { openMailer } from '../mail/mailer.ts';
import { startMails } from '../mail/send-mails.ts';
import type { TestIdentity } from './test-identity.ts';

export const appUrl = 'https://app.florin.test';

/** Sends the mails of a service under test to a real mail server. */
export interface TestPost {
  mail: TestMail;
  loop: WorkLoop;
  /** Everything the loop has logged. */
  logs(): string;
  /** The mails that have come to the address, the oldest first, once there are `count`. */
  mailsTo(address: string, count?: number): Promise<Email[]>;
  /** The token in the newest mail to the address, once there are `count`. */
  tokenTo(address: string, count?: number): Promise<string>;
  /** Resolves when no mail is due. */
  quiet(): Promise<void>;
  close(): Promise<void>;
}

/** Starts mail server and loop. */
export async function startTestPost({ db }: Pick<TestIdentity, 'db'>): Promise<TestPost> {
  const mail = await startTestMail();
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const logger = createLogger({ service: 'identity', level: 'trace', destination });
  const mailer = openMailer({ smtpUrl: mail.url, from: 'Florin <bank@florin.test>' });
  const loop = startMails({ db, mailer, appUrl, logger });

  async function mailsTo(address: string, count = 1): Promise<Email[]> {
    loop.wake();
    const own = await eventually(
      async () => {
        const found = mail.received.filter(({ to }) => to.includes(address));
        if (found.length < count) throw new Error(`${found.length} mails to ${address}`);
        return found;
      },
      { timeoutMs: 10_000 },
    );
    return await Promise.all(own.map(({ content }) => PostalMime.parse(content)));
  }

  return {
    mail,
    loop,
    logs: () => lines.join(''),
    mailsTo,
    tokenTo: async (address, count) => tokenIn((await mailsTo(address, count)).at(-1)),
    async quiet() {
      loop.wake();
      await eventually(
        async () => {
          const due = db.selectFrom('mails').select('id').where('state', '=', 'waiting');
          if ((await due.execute()).length > 0) throw new Error('mails are waiting');
        },
        { timeoutMs: 10_000 },
      );
    },
    async close() {
      await loop.close();
      await mail.close();
    },
  };
}

/** The token that a mail's link carries. */
export function tokenIn(mail: Email | undefined): string {
  const token = /#token=([\w-]+)/.exec(mail?.text ?? '')?.[1];
  if (token === undefined) throw new Error(`No token in: ${mail?.text}`);
  return token;
}
