import { type MailServer, type ReceivedMail, startMailServer } from '@florin/local/mail';

/** A real mail server of a test's own. */
export interface TestMail extends MailServer {
  /** What it has taken, the oldest first. */
  readonly received: ReceivedMail[];
  /** Set to answer recipients with an error; its `responseCode` is the SMTP code. */
  refuse: ((recipient: string) => Error | undefined) | undefined;
}

/** Starts a mail server on a free port, or on the port of one that was closed. */
export async function startTestMail(port?: number): Promise<TestMail> {
  const received: ReceivedMail[] = [];
  const server = await startMailServer({
    ...(port !== undefined && { port }),
    keep: async (mail) => void received.push(mail),
    refuse: (recipient) => mail.refuse?.(recipient),
  });
  const mail: TestMail = { ...server, received, refuse: undefined };
  return mail;
}
