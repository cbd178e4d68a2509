import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { launchMail } from '../launchers/mail.ts';
import { freePort } from '../launchers/ports.ts';
import { openMailFolder } from './mail-folder.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'florin-mail-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const content = (subject: string) =>
  Buffer.from(
    [
      'From: Florin <florin@example.com>',
      `Subject: ${subject}`,
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: quoted-printable',
      '',
      'Z=C3=BCrich: a line that is =',
      'one.',
      '',
    ].join('\r\n'),
  );

/** Says each line once the answer to the one before has come; resolves with the answers' codes. */
async function speak(port: number, lines: string[]): Promise<string[]> {
  const socket = connect({ port, host: '127.0.0.1' });
  const codes: string[] = [];
  for await (const answer of createInterface({ input: socket })) {
    if (/^\d{3}-/.test(answer)) continue;
    codes.push(answer.slice(0, 3));
    const next = lines.shift();
    if (next === undefined) break;
    socket.write(`${next}\r\n`);
  }
  socket.destroy();
  return codes;
}

describe('the mail server of a local fleet', () => {
  it('keeps a mail before it says so: as it came and to read, for its user alone', async () => {
    const logs = join(folder, 'logs');
    const server = await launchMail({ port: await freePort(), folder: join(folder, 'mail'), logs });
    try {
      const mail = content('=?utf-8?q?Gr=C3=BCezi?=').toString();
      const codes = await speak(server.port, [
        'EHLO test',
        'MAIL FROM:<florin@example.com>',
        'RCPT TO:<ada@example.com>',
        'DATA',
        `${mail}.`,
      ]);
      expect(codes).toEqual(['220', '250', '250', '250', '354', '250']);
      const [eml = '', txt = '', ...more] = readdirSync(join(folder, 'mail')).sort();
      expect(more).toEqual([]);
      expect(eml).toMatch(/^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z-ada@example\.com\.eml$/);
      expect(readFileSync(join(folder, 'mail', eml), 'utf8')).toBe(mail);
      expect(readFileSync(join(folder, 'mail', txt), 'utf8')).toMatch(
        /^From: Florin <florin@example\.com>\nTo: ada@example\.com\nSubject: Grüezi\nDate: .*\n\nZürich: a line that is one\.\n$/,
      );
      expect(statSync(join(folder, 'mail')).mode & 0o777).toBe(0o700);
      expect(statSync(join(folder, 'mail', eml)).mode & 0o777).toBe(0o600);
    } finally {
      await server.stop();
    }
  });
});

describe('the folder of mails', () => {
  it('lists the newest last, also of one moment, and removes the oldest beyond its limit, those of earlier runs too', async () => {
    for (const ending of ['.eml', '.txt']) writeFileSync(join(folder, `2020-01-01-old@example.com${ending}`), '');
    const { keep } = openMailFolder(folder, 3);
    for (const name of ['one', 'two', 'three']) {
      await keep({ from: 'florin@example.com', to: [`${name}@example.com`], content: content(name) });
    }
    const listed = readdirSync(folder).sort();
    expect(listed.filter((file) => file.endsWith('.eml')).map((file) => /Z-(\w+)@/.exec(file)?.[1])).toEqual([
      'one',
      'two',
      'three',
    ]);
    expect(listed).toHaveLength(6);
  });

  it('a recipient leads out of it nowhere', async () => {
    await openMailFolder(folder).keep({ from: '', to: ['../../etc/x@example.com'], content: content('x') });
    expect(readdirSync(folder).sort()[0]).toMatch(/Z-\.\._\.\._etc_x@example\.com\.eml$/);
  });
});
