import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import PostalMime from 'postal-mime';
import type { ReceivedMail } from './mail-server.ts';

const mailsKept = 1000;

/** A folder of mails that only its user can read. */
export interface MailFolder {
  keep(mail: ReceivedMail): Promise<void>;
}

/**
 * Each mail becomes two files of one name, `<time>-<recipient>`, so that the newest stands last in a listing: `.eml` as
 * it came, `.txt` to read. The oldest are removed beyond `limit` mails.
 */
export function openMailFolder(folder: string, limit: number = mailsKept): MailFolder {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.eml'))
    .map((file) => file.slice(0, -'.eml'.length))
    .sort();
  let lastTime = 0;
  return {
    async keep(mail) {
      const text = await readableText(mail);
      // Mails of one millisecond still have their order.
      lastTime = Math.max(Date.now(), lastTime + 1);
      const name = `${fileTime(lastTime)}-${fileName(mail.to[0] ?? 'nobody')}`;
      write(join(folder, `${name}.eml`), mail.content);
      write(join(folder, `${name}.txt`), text);
      names.push(name);
      for (const old of names.splice(0, names.length - limit)) {
        for (const ending of ['.eml', '.txt']) rmSync(join(folder, old + ending), { force: true });
      }
    },
  };
}

async function readableText({ from, to, content }: ReceivedMail): Promise<string> {
  const mail = await PostalMime.parse(content);
  const header = [
    `From: ${mail.headers.find(({ key }) => key === 'from')?.value ?? from}`,
    `To: ${to.join(', ')}`,
    `Subject: ${mail.subject ?? ''}`,
    `Date: ${mail.date ?? ''}`,
  ];
  return `${header.join('\n')}\n\n${(mail.text ?? mail.html ?? '').replaceAll('\r\n', '\n')}`;
}

function fileTime(time: number): string {
  return new Date(time).toISOString().replaceAll(':', '-').replace('.', '-');
}

/** The sender chose the recipient: only what is harmless in a file's name. */
function fileName(recipient: string): string {
  return recipient.replace(/[^A-Za-z0-9@._+-]/g, '_').slice(0, 100);
}

/** Readers see a whole file or none. */
function write(file: string, content: string | Buffer): void {
  writeFileSync(`${file}.draft`, content, { mode: 0o600 });
  renameSync(`${file}.draft`, file);
}
