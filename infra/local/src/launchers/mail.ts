import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startLeashed } from './leashed.ts';
import { waitForPort } from './ports.ts';
import type { RunningServer } from './postgres.ts';
import { plainEnvironment } from './programs.ts';

const program = fileURLToPath(new URL('../mail/mail-sink.ts', import.meta.url));

/** Where the mail server listens, and where it keeps mails and log. */
export interface MailOptions {
  port: number;
  /** One file to read and one as it came for each mail. */
  folder: string;
  logs: string;
}

/**
 * Starts a mail server that takes every mail and sends none on. It stops when this process ends, even by SIGKILL.
 *
 * @throws Error when it does not start
 */
export async function launchMail({ port, folder, logs }: MailOptions): Promise<RunningServer> {
  for (const needed of [folder, logs]) mkdirSync(needed, { recursive: true, mode: 0o700 });
  const server = await startLeashed({
    commands: [{ file: process.execPath, args: [program, String(port), folder] }],
    cwd: folder,
    env: plainEnvironment(),
    logFile: join(logs, 'mail.log'),
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 3000,
    removeFolders: [],
  });
  try {
    await waitForPort(port, 10_000, server.failed);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { url: `smtp://127.0.0.1:${port}`, port, pid: server.pid, exited: server.exited, stop: server.stop };
}
