import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { newUuid } from '@florin/service';
import { eventually } from '@florin/testing';
import { startTestMail } from '@florin/testing/mail';
import { sql } from 'kysely';
import { createTransport } from 'nodemailer';
import { register as metrics } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deleteExpired } from '../housekeeping.ts';
import { password, startIdentity, type TestIdentity } from '../testing/test-identity.ts';
import { appUrl, startTestPost, type TestPost, tokenIn } from '../testing/test-post.ts';
import { claimMails, queueResetMail } from './mail-queries.ts';
import { measureMails, startMailService } from './mail-service.ts';
import { openMailer } from './mailer.ts';
import { startMails } from './send-mails.ts';

let identity: TestIdentity;
let post: TestPost;
beforeAll(async () => {
  identity = await startIdentity();
  post = await startTestPost(identity);
});
afterAll(async () => {
  await post.close();
  await identity.close();
});

async function register(email: string, rest: object = {}): Promise<void> {
  const answer = await identity.call('POST', '/v1/auth/register', { body: { email, password, name: 'A', ...rest } });
  if (answer.status !== 201) throw new Error(answer.text);
}

async function mailOf(email: string) {
  return await identity.db
    .selectFrom('mails')
    .innerJoin('users', 'users.id', 'user_id')
    .selectAll('mails')
    .where('email', '=', email)
    .executeTakeFirstOrThrow();
}

describe('mails', () => {
  it('a registration sends one to the new address, from MAIL_FROM, with a link, in plain text', async () => {
    await register('anna@example.com', { locale: 'de-CH', name: 'Anna' });
    const [mail, ...more] = await post.mailsTo('anna@example.com');
    expect(more).toEqual([]);
    expect(mail).toMatchObject({
      from: { name: 'Florin', address: 'bank@florin.test' },
      to: [{ name: '', address: 'anna@example.com' }],
      subject: 'Confirm your email address',
    });
    expect(mail?.messageId).toBe(`<${(await mailOf('anna@example.com')).id}@florin.test>`);
    expect(mail?.text).toContain(`${appUrl}/verify-email#token=`);
    expect(mail?.html).toBeUndefined();
    expect(mail?.headers.find(({ key }) => key === 'auto-submitted')?.value).toBe('auto-generated');
    expect(post.mail.received.at(-1)).toMatchObject({ from: 'bank@florin.test', to: ['anna@example.com'] });
  });

  it('the database keeps a hash of the token, made when the mail went out', async () => {
    await register('boris@example.com');
    const token = await post.tokenTo('boris@example.com');
    expect(token).toMatch(/^[\w-]{32}$/);
    await eventually(async () => expect((await mailOf('boris@example.com')).state).toBe('sent'));
    const hash = createHash('sha256').update(token).digest();
    const row = await identity.db
      .selectFrom('one_time_tokens')
      .selectAll()
      .where('token_hash', '=', hash)
      .executeTakeFirst();
    expect(row?.purpose).toBe('verify_email');
    expect((row?.expires_at.getTime() ?? 0) - Date.now()).toBeGreaterThan(86_390_000);
    for (const table of ['mails', 'one_time_tokens', 'outbox', 'audit_pending', 'users'] as const) {
      const { rows } = await sql<{
        row: string;
      }>`select row_to_json(t)::text as row from ${sql.table(table)} t`.execute(identity.db);
      expect(rows.map((each) => each.row).join('\n')).not.toContain(token);
    }
    expect(post.logs() + identity.logs()).not.toContain(token);
  });

  it('a registration that fails asks for none; one with a replayed key for no second one', async () => {
    const count = async () => (await identity.db.selectFrom('mails').selectAll().execute()).length;
    const before = await count();
    const headers = { 'idempotency-key': 'once' };
    const body = { email: 'carla@example.com', password, name: 'Carla' };
    await identity.call('POST', '/v1/auth/register', { body, headers });
    await identity.call('POST', '/v1/auth/register', { body, headers });
    await identity.call('POST', '/v1/auth/register', { body });
    expect(await count()).toBe(before + 1);
  });

  it('a mail is claimed once until its lease ends, by however many at a time', async () => {
    const own = await startIdentity();
    for (let person = 0; person < 8; person += 1) await queueResetMail(own.db, `person${person}@example.com`);
    const rounds = await Promise.all(Array.from({ length: 20 }, () => claimMails(own.db, 3, 60_000)));
    const ids = rounds.flat().map(({ id }) => id);
    expect(ids).toHaveLength(8);
    expect(new Set(ids).size).toBe(8);
    expect(await claimMails(own.db, 8, 60_000)).toEqual([]);
    await own.db.updateTable('mails').set({ due_at: sql<Date>`due_at - interval '1 minute'` }).execute();
    expect(await claimMails(own.db, 8, 60_000)).toHaveLength(8);
    await own.close();
  });

  it('several processes send each once', async () => {
    const mailer = openMailer({ smtpUrl: post.mail.url, from: 'bank@florin.test' });
    const logger = { warn: () => {}, error: () => {} };
    const others = [1, 2].map(() => startMails({ db: identity.db, mailer, appUrl, logger }));
    const people = Array.from({ length: 12 }, (_, index) => `crowd${index}@example.com`);
    await Promise.all(people.map((email) => register(email)));
    for (const loop of others) loop.wake();
    await post.quiet();
    await Promise.all(others.map((loop) => loop.close()));
    for (const email of people) expect(await post.mailsTo(email)).toHaveLength(1);
  });
});

describe('a mail that does not get away', () => {
  it('comes again until the relay takes it, each time with a new token, and any token that arrived is good', async () => {
    await register('dora@example.com');
    post.mail.refuse = (recipient) =>
      recipient === 'dora@example.com' ? Object.assign(new Error('later'), { responseCode: 451 }) : undefined;
    post.loop.wake();
    await eventually(async () => expect((await mailOf('dora@example.com')).attempts).toBe(1));
    const tokens = async () => (await identity.db.selectFrom('one_time_tokens').selectAll().execute()).length;
    await eventually(async () => expect(post.logs()).toContain('mail not sent'));
    expect(post.logs()).not.toContain('dora@example.com');
    const before = await tokens();
    post.mail.refuse = undefined;
    const waiting = await mailOf('dora@example.com');
    expect(waiting.state).toBe('waiting');
    const dueIn = waiting.due_at.getTime() - Date.now();
    expect(dueIn).toBeGreaterThan(1_000);
    expect(dueIn).toBeLessThan(5_500);
    await identity.db.updateTable('mails').set({ due_at: new Date() }).where('id', '=', waiting.id).execute();
    const token = await post.tokenTo('dora@example.com');
    expect(await tokens()).toBe(before + 1);
    expect((await identity.call('POST', '/v1/auth/email/verify', { body: { token } })).status).toBe(204);
  });

  it('is given up at once when the recipient does not exist', async () => {
    await register('emil@example.com');
    post.mail.refuse = () => Object.assign(new Error('no such user'), { responseCode: 550 });
    post.loop.wake();
    await eventually(async () => expect((await mailOf('emil@example.com')).state).toBe('failed'));
    post.mail.refuse = undefined;
    expect((await mailOf('emil@example.com')).attempts).toBe(1);
  });

  it('survives a relay that is away', async () => {
    const relay = await startTestMail();
    await relay.close();
    const own = await startIdentity();
    const mailer = openMailer({ smtpUrl: relay.url, from: 'bank@florin.test' });
    const loop = startMails({ db: own.db, mailer, appUrl, logger: { warn: () => {}, error: () => {} } });
    await own.visitor('frida@example.com');
    loop.wake();
    const rows = () => own.db.selectFrom('mails').selectAll().execute();
    // Recorded, so no longer under way: due again in 5 s at most, not when the lease ends.
    await eventually(async () => {
      const [row] = await rows();
      expect(row).toMatchObject({ state: 'waiting', attempts: 1 });
      expect(row?.due_at.getTime()).toBeLessThan(Date.now() + 10_000);
    });
    const back = await startTestMail(relay.port);
    await own.db
      .updateTable('mails')
      .set({ due_at: new Date(0) })
      .execute();
    loop.wake();
    await eventually(async () => expect(await rows()).toMatchObject([{ state: 'sent', attempts: 2 }]));
    expect(back.received.map(({ to }) => to)).toEqual([['frida@example.com']]);
    await loop.close();
    await back.close();
    await own.close();
  });
});

describe('a relay that says nothing', () => {
  it('holds the end of the process up for 3 s, and the mail comes again after the next start', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const own = await startIdentity();
    const mailer = openMailer({ smtpUrl: `smtp://127.0.0.1:${port}`, from: 'bank@florin.test' });
    await own.visitor();
    const loop = startMails({ db: own.db, mailer, appUrl, logger: { warn: () => {}, error: () => {} } });
    await eventually(() => expect(sockets).toHaveLength(1));
    const started = performance.now();
    await loop.close();
    expect(performance.now() - started).toBeLessThan(4_500);
    expect(await own.db.selectFrom('mails').selectAll().execute()).toMatchObject([{ state: 'waiting', attempts: 1 }]);
    for (const socket of sockets) socket.destroy();
    silent.close();
    await own.close();
  });
});

describe('without a relay', () => {
  it('mails wait, which is warned of once and measured; old ones that nobody waits for are removed', async () => {
    const own = await startIdentity();
    const warnings: string[] = [];
    const logger = { warn: (_: object, text: string) => void warnings.push(text), error: () => {} };
    const service = startMailService(own.db, { smtpUrl: undefined, from: 'bank@florin.test', appUrl }, logger);
    await own.visitor('gerda@example.com');
    await own.call('POST', '/v1/auth/password/forgot', { body: { email: 'gerda@example.com' } });
    await measureMails(own.db);
    const text = await metrics.metrics();
    expect(text).toMatch(/^mails_waiting 2$/m);
    expect(text).toMatch(/^mails_oldest_seconds 0\.\d+/m);
    expect(warnings).toEqual(['SMTP_URL is not set: mails are kept and not sent']);
    await own.db
      .updateTable('mails')
      .set({ due_at: new Date(Date.now() - 3 * 86_400_000) })
      .execute();
    expect(await deleteExpired(own.db)).toMatchObject({ mails: 1 });
    expect(await own.db.selectFrom('mails').select('kind').execute()).toEqual([{ kind: 'verify_email' }]);
    await service.close();
    await own.close();
  });
});

describe('no mail can be made into another one', () => {
  const addresses = [
    'anna@example.com>\r\nRCPT TO:<everybody@example.com',
    'anna@example.com, everybody@example.com',
    'anna@example.com everybody@example.com',
    'Anna <anna@example.com>',
    '<anna@example.com',
    'anna@example.com\u0000',
  ];

  it.each(addresses)(
    'the address %j is refused at the door, and by the mailer should it ever get past it',
    async (address) => {
      for (const [url, body] of [
        ['/v1/auth/register', { email: address, password, name: 'Anna' }],
        ['/v1/auth/password/forgot', { email: address }],
      ] as const) {
        expect((await identity.call('POST', url, { body })).status).toBe(400);
      }
      const before = post.mail.received.length;
      const mailer = openMailer({ smtpUrl: post.mail.url, from: 'bank@florin.test' });
      const mail = { id: newUuid(), to: address, subject: 'x', text: 'x' };
      await expect(mailer.send(mail, AbortSignal.timeout(5_000))).rejects.toThrow('Not an address');
      expect(post.mail.received).toHaveLength(before);
    },
  );

  it('control: a mailer that hands the text on as it stands sends mails for most of them, one to a second recipient', async () => {
    const transport = createTransport(post.mail.url);
    const before = post.mail.received.length;
    const sent: string[] = [];
    for (const to of addresses) {
      const handedOver = transport.sendMail({ from: 'bank@florin.test', to, text: 'x' });
      await handedOver.then(
        () => sent.push(to),
        () => undefined,
      );
    }
    expect(sent.length).toBeGreaterThan(addresses.length / 2);
    expect(post.mail.received.slice(before).flatMap(({ to }) => to)).toContain('everybody@example.com');
  });

  it('line breaks in a subject or text stay there', async () => {
    const mailer = openMailer({ smtpUrl: post.mail.url, from: 'bank@florin.test' });
    const subject = 'x\r\nBcc: everybody@example.com';
    const text = 'x\r\n.\r\nMAIL FROM:<a@b.cc>\r\nRCPT TO:<everybody@example.com>\r\n';
    const outgoing = { id: newUuid(), to: 'heidi@example.com', subject, text };
    await mailer.send(outgoing, AbortSignal.timeout(5_000));
    const [mail] = await post.mailsTo('heidi@example.com');
    expect(post.mail.received.at(-1)?.to).toEqual(['heidi@example.com']);
    expect(mail?.bcc).toBeUndefined();
    expect(mail?.text).toContain('RCPT TO:<everybody@example.com>');
  });

  it('what a person typed is in no mail: nobody sends own words through the bank', async () => {
    const name = 'Visit evil.example';
    await register('ida@example.com', { name, locale: 'en-x-evil' });
    const [mail] = await post.mailsTo('ida@example.com');
    expect(mail?.text).not.toContain('evil');
    expect(tokenIn(mail)).toMatch(/^[\w-]{32}$/);
  });
});
