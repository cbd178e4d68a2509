import { SMTPServer, type SMTPServerDataStream } from 'smtp-server';

const longestMail = 1024 * 1024;

/** A mail as it came in. */
export interface ReceivedMail {
  from: string;
  to: string[];
  /** RFC 5322, with CRLF. */
  content: Buffer;
}

/** What a mail server does with what it gets. */
export interface MailServerOptions {
  /** Default: a free one. */
  port?: number;
  /** Keeps a mail; the sender is told that it was taken when this resolves, and to come again when it rejects. */
  keep(mail: ReceivedMail): Promise<void>;
  /** The error to answer a recipient with; its `responseCode` is the SMTP code. */
  refuse?(recipient: string): Error | undefined;
  /** What went wrong on a connection; never an answer to a sender. */
  onError?(error: Error): void;
}

/** A mail server of this process. */
export interface MailServer {
  /** smtp://… */
  url: string;
  port: number;
  close(): Promise<void>;
}

/**
 * Listens on 127.0.0.1 for mail to anybody, without sign-in and without TLS, 1 MiB a mail at most.
 *
 * @throws Error when the port is taken
 */
export async function startMailServer(options: MailServerOptions): Promise<MailServer> {
  const { keep, refuse, onError = () => {} } = options;
  const server = new SMTPServer({
    banner: 'Florin keeps mail here and sends none on',
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    size: longestMail,
    socketTimeout: 30_000,
    closeTimeout: 1000,
    onRcptTo: ({ address }, _session, done) => done(refuse?.(address)),
    onData: (stream, { envelope }, done) => {
      const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
      const to = envelope.rcptTo.map(({ address }) => address);
      read(stream)
        .then((content) => keep({ from, to, content }))
        .then(
          () => done(),
          (error: Error) => done(error),
        );
    },
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  // A sender that hangs up in the middle is an error of its connection, not ours.
  server.removeAllListeners('error').on('error', onError);
  const address = server.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `smtp://127.0.0.1:${port}`,
    port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function read(stream: SMTPServerDataStream): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part);
  if (stream.sizeExceeded) throw Object.assign(new Error('The mail is too long'), { responseCode: 552 });
  return Buffer.concat(parts);
}
