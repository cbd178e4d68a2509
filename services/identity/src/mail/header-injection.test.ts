import { inTransaction } from '@florin/database';
import { eventually } from '@florin/testing';
import { startTestMail, type TestMail } from '@florin/testing/mail';
import { createTransport } from 'nodemailer';
import PostalMime from 'postal-mime';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { codeOf, password, startIdentity, type TestIdentity, type Visitor } from '../testing/test-identity.ts';
import { appUrl } from '../testing/test-post.ts';
import { queueMail } from './mail-queries.ts';
import { type Mailer, openMailer } from './mailer.ts';
import { startMails } from './send-mails.ts';

const from = 'bank@florin.test';
const stranger = 'everybody@example.com';
const words = 'words of a stranger';

let identity: TestIdentity;
let mail: TestMail;
let victim: Visitor;
beforeAll(async () => {
  [identity, mail] = await Promise.all([startIdentity(), startTestMail()]);
  victim = await identity.visitor();
});
afterAll(async () => {
  await mail.close();
  await identity.close();
});
afterEach(() => void mail.received.splice(0));

const breaks: [name: string, text: string][] = [
  ['CR LF', '\r\n'],
  ['LF', '\n'],
  ['CR', '\r'],
];
const intents: [name: string, inject: (lineBreak: string) => string][] = [
  ['a recipient', (lineBreak) => `${lineBreak}Bcc: ${stranger}${lineBreak}X-Rest: `],
  ['a header', (lineBreak) => `${lineBreak}X-Injected: yes${lineBreak}X-Rest: `],
  ['a text', (lineBreak) => `${lineBreak}${lineBreak}${words}`],
];
const injections = breaks.flatMap(([lineBreak, text]) =>
  intents.map(([intent, inject]) => ({ name: `${intent} by ${lineBreak}`, text: inject(text) })),
);

/** What a person types, each with an injection behind what is good. */
type Field = 'name' | 'locale' | 'email';
const good = { name: 'Anna', locale: 'de-CH', email: 'anna@example.com' };
const attacks = (['name', 'locale', 'email'] as const).flatMap((field) =>
  injections.map(({ name, text }) => ({ name: `${name} in the ${field}`, field, value: `${good[field]}${text}` })),
);

/** The bank's own way to the relay. */
const ours = () => openMailer({ smtpUrl: mail.url, from });

/** A composer as careless as they come: writes name and language of the person into headers, and sends to whom they name. */
function careless(): Mailer {
  const transport = createTransport(mail.url);
  return {
    async send({ to, subject, text }) {
      const person = identity.db.selectFrom('users').select(['name', 'locale']).where('email', '=', to);
      const { name, locale } = await person.executeTakeFirstOrThrow();
      const raw = `From: ${from}\r\nTo: ${name} <${to}>\r\nContent-Language: ${locale}\r\nSubject: ${subject}\r\n\r\n${text}`;
      const { bcc = [] } = await PostalMime.parse(raw);
      const [recipient = ''] = to.split(/[\r\n]/);
      const recipients = [recipient, ...bcc.map(({ address = '' }) => address)];
      await transport.sendMail({ envelope: { from, to: recipients }, raw });
    },
  };
}

/** Lets the mails of registration and reset go out to a person who has got such a value into the database. */
async function send(mailer: Mailer, field: Field, value: string): Promise<void> {
  const { db } = identity;
  const id = await identify(victim.email);
  await db
    .updateTable('users')
    .set({ [field]: field === 'email' ? value.toLowerCase() : value })
    .where('id', '=', id)
    .execute();
  await db.deleteFrom('mails').execute();
  await inTransaction(db, async (tx) => {
    await queueMail(tx, 'verify_email', id);
    await queueMail(tx, 'reset_password', id);
  });
  const loop = startMails({ db, mailer, appUrl, logger: { warn: () => {}, error: () => {} } });
  loop.wake();
  await eventually(async () => {
    const begun = await db.selectFrom('mails').select('id').where('attempts', '>', 0).execute();
    expect(begun).toHaveLength(2);
  });
  await loop.close();
  await db
    .updateTable('users')
    .set({ ...good, email: victim.email })
    .where('id', '=', id)
    .execute();
}

async function identify(email: string): Promise<string> {
  const { id } = await identity.db
    .selectFrom('users')
    .select('id')
    .where('email', '=', email)
    .executeTakeFirstOrThrow();
  return id;
}

/** What has arrived that is not the bank's. */
async function injected(): Promise<string[]> {
  const found = mail.received.map(async ({ to, content }) => {
    const { headers, text = '' } = await PostalMime.parse(content);
    return [
      ...to.filter((recipient) => recipient === stranger),
      ...headers.map(({ key }) => key).filter((key) => key === 'bcc' || key === 'x-injected'),
      ...(text.includes(words) ? ['text'] : []),
    ];
  });
  return (await Promise.all(found)).flat();
}

describe('no mail can be made into another one', () => {
  it.each(attacks)('$name is 400 at every door', async ({ field, value }) => {
    const pointer = `/${field}`;
    const { accessToken: token } = victim.tokens;
    const body = { [field]: value };
    const answers = [
      await identity.call('POST', '/v1/auth/register', { body: { ...good, password, ...body } }),
      ...(field === 'email'
        ? [
            await identity.call('POST', '/v1/auth/password/forgot', { body }),
            await identity.call('POST', '/v1/me/email', { token, body }),
          ]
        : [await identity.call('PATCH', '/v1/me', { token, body })]),
    ];
    for (const answer of answers) {
      expect([answer.status, codeOf(answer)]).toEqual([400, 'validation_failed']);
      expect(answer.body.errors).toEqual([expect.objectContaining({ pointer })]);
    }
  });

  it.each(attacks)('$name would inject nothing, should it ever get past them', async ({ field, value }) => {
    await send(ours(), field, value);
    expect(await injected()).toEqual([]);
    // What has no plain address is not sent at all.
    expect(mail.received).toHaveLength(field === 'email' ? 0 : 2);
  });

  it('control: a composer that puts headers together from texts is found by the same look at what arrives', async () => {
    const missed: string[] = [];
    // A lone CR ends no line for the relay of these tests; for others it may.
    for (const { name, field, value } of attacks.filter(({ value }) => value.includes('\n'))) {
      await send(careless(), field, value);
      if ((await injected()).length === 0) missed.push(name);
      mail.received.splice(0);
    }
    expect(missed).toEqual([]);
  });
});
