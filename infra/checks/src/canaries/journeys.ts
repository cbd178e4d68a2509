import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, type Fleet } from '@florin/testing';
import { ibanOf } from '../fleet/iban.ts';
import { totp } from '../fleet/totp.ts';
import type { Journal } from './journal.ts';

/** Somebody whose password and tokens are canaries. */
export interface Watched {
  readonly email: string;
  readonly password: string;
  readonly token: string;
  readonly account: string;
}

/** Registers, signs in and opens an account; the name, which is no secret, is the text that a search must find. */
export async function signUp(journal: Journal, name: string): Promise<Watched> {
  const email = `watched-${randomUUID()}@example.com`;
  const password = journal.give('password of the registration');
  const headers = { 'idempotency-key': journal.give('Idempotency-Key of the registration') };
  await journal.done('POST /v1/auth/register', { body: { email, password, name }, headers });
  await journal.done('POST /v1/auth/register', { body: { email, password, name }, headers });
  await journal.call('POST /v1/auth/login', { body: { email, password: journal.give('a wrong password') } });
  const token = await logIn(journal, { email, password });
  const account = { name: 'Watched', type: 'checking', currency: 'USD' };
  const opened = await journal.done('POST /v1/accounts', { token, body: account });
  return { email, password, token, account: String(opened.body.id) };
}

async function logIn(journal: Journal, body: object): Promise<string> {
  const { body: tokens } = await journal.done('POST /v1/auth/login', { body });
  journal.take('refresh token of a login', tokens.refreshToken);
  return journal.take('access token of a login', tokens.accessToken);
}

/** Refreshes, uses a spent token, changes the password and gets it back by mail. Gives the token of a new session. */
export async function changePasswords(journal: Journal, fleet: Pick<Fleet, 'mail'>, who: Watched): Promise<string> {
  const { email, password, token } = who;
  const verification = journal.take('token of the verification mail', await mailedToken(fleet, email));
  await journal.done('POST /v1/auth/email/verify', { body: { token: verification } });
  await journal.call('POST /v1/auth/email/verify', { body: { token: verification } });
  const { body: first } = await journal.done('POST /v1/auth/login', { body: { email, password } });
  const refreshToken = journal.take('refresh token', first.refreshToken);
  const { body: second } = await journal.done('POST /v1/auth/refresh', { body: { refreshToken } });
  const renewed = { refreshToken: journal.take('refresh token of a refresh', second.refreshToken) };
  journal.take('access token of a refresh', second.accessToken);
  await journal.done('POST /v1/auth/refresh', { body: renewed });
  await journal.call('POST /v1/auth/refresh', { body: { refreshToken } });
  const newPassword = journal.give('a new password');
  await journal.done('POST /v1/me/password', { token, body: { currentPassword: password, newPassword } });
  await journal.done('POST /v1/auth/password/forgot', { body: { email } });
  const reset = journal.take('token of the reset mail', await mailedToken(fleet, email, verification));
  const last = journal.give('the password after a reset');
  await journal.done('POST /v1/auth/password/reset', { body: { token: reset, password: last } });
  return await logIn(journal, { email, password: last });
}

/** The token of a mail to that address that is not the known one. */
async function mailedToken({ mail }: Pick<Fleet, 'mail'>, email: string, known = ''): Promise<string> {
  const folder = mail ?? '';
  return await eventually(
    () => {
      const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(`${email}.txt`)) : [];
      const tokens = files.flatMap(
        (name) => /#token=([\w-]+)/.exec(readFileSync(join(folder, name), 'utf8'))?.[1] ?? [],
      );
      const found = tokens.find((token) => token !== known);
      if (found === undefined) throw new Error(`no mail with a token came to ${email}`);
      return found;
    },
    { timeoutMs: 20_000 },
  );
}

/** Turns a second factor on and off, and makes, uses and revokes an API key. */
export async function useFactorsAndKeys(journal: Journal, { token, account }: Watched): Promise<void> {
  const { body: begun } = await journal.done('POST /v1/me/mfa/totp', { token });
  const secret = journal.take('secret of the second factor', begun.secret);
  await journal.call('POST /v1/me/mfa/totp/confirm', { token, body: { otp: '000000' } });
  const { body: confirmed } = await journal.done('POST /v1/me/mfa/totp/confirm', {
    token,
    body: { otp: totp(secret) },
  });
  const codes = (confirmed.recoveryCodes as string[]).map((code, index) =>
    journal.take(`recovery code ${index}`, code),
  );
  await journal.call('DELETE /v1/me/mfa/totp', { token, body: { otp: journal.give('a wrong recovery code') } });
  await journal.done('DELETE /v1/me/mfa/totp', { token, body: { otp: codes[0] } });
  const headers = { 'idempotency-key': journal.give('Idempotency-Key of an API key') };
  const order = { token, headers, body: { name: 'A program', scopes: ['accounts:read', 'transactions:write'] } };
  const { body: key } = await journal.done('POST /v1/api-keys', order);
  const program = { token: journal.take('secret of an API key', key.secret) };
  await journal.done(`GET /v1/accounts/${account}`, program);
  await journal.call('GET /v1/notifications', program);
  await journal.done(`DELETE /v1/api-keys/${key.id}`, { token });
  await eventually(async () => {
    if ((await journal.call('GET /v1/accounts', program)).status !== 401) throw new Error('the key still works');
  });
}

/**
 * Makes webhook endpoints whose URLs hold a token, and has something sent there that nobody takes. What a customer puts into his own
 * URL is shown to him, and stands nowhere else.
 */
export async function useWebhooks(journal: Journal, { token }: Watched): Promise<void> {
  const headers = { 'idempotency-key': journal.give('Idempotency-Key of a webhook endpoint') };
  const own = journal.take('token in the URL of a webhook endpoint', `Canary${randomUUID()}`);
  const order = { url: `http://127.0.0.1:1/${own}?token=${own}`, events: ['*'] };
  const { body: made } = await journal.done('POST /v1/webhook-endpoints', { token, headers, body: order });
  journal.take('secret of a webhook endpoint', made.secret);
  await journal.done('POST /v1/webhook-endpoints', { token, headers, body: order });
  const { body: rotated } = await journal.done(`POST /v1/webhook-endpoints/${made.id}/rotate-secret`, { token });
  journal.take('secret of a webhook endpoint after its rotation', rotated.secret);
  const withPassword = order.url.replace('//', `//user:${journal.give('password in the URL of a webhook endpoint')}@`);
  await journal.call('POST /v1/webhook-endpoints', { token, body: { ...order, url: withPassword } });
  await journal.done(`POST /v1/webhook-endpoints/${made.id}/test`, { token });
  await eventually(
    async () => {
      const { body } = await journal.done(`GET /v1/webhook-endpoints/${made.id}/deliveries`, { token });
      const [delivery] = body.data as { attemptCount: number }[];
      if (!delivery || delivery.attemptCount === 0) throw new Error('nothing was sent');
    },
    { timeoutMs: 20_000, intervalMs: 100 },
  );
}

/** Pays in and out with instruments whose tokens and numbers are canaries, and sends webhooks with forged signatures. */
export async function pay(journal: Journal, { token, account }: Watched): Promise<void> {
  const money = { account, amount: '5.00', currency: 'USD' };
  const keyed = (what: string) => ({
    token,
    headers: { 'idempotency-key': journal.give(`Idempotency-Key of ${what}`) },
  });
  const source = (value: string) => ({ type: 'card', token: value });
  const paid = await journal.done('POST /v1/deposits', {
    ...keyed('a deposit'),
    body: { ...money, source: source('tok_ok') },
  });
  await untilEnded(journal, token, paid.body.id);
  const unknown = { ...money, source: source(journal.give('card token of a deposit')) };
  const strange = await journal.done('POST /v1/deposits', { ...keyed('a strange deposit'), body: unknown });
  await untilEnded(journal, token, strange.body.id);
  const iban = journal.give('IBAN of a withdrawal', ibanWith);
  for (const destination of [source(journal.give('card token of a withdrawal')), { type: 'bank_account', iban }]) {
    const body = { ...money, amount: '1.00', destination };
    const sent = await journal.done('POST /v1/withdrawals', { ...keyed('a withdrawal'), body });
    await untilEnded(journal, token, sent.body.id);
  }
  await journal.call('POST /v1/webhooks/providers/sandbox', {
    body: { type: 'charge.succeeded', data: { source: { token: journal.give('card token in a forged webhook') } } },
    headers: {
      ...{ 'webhook-id': 'msg_1', 'webhook-timestamp': String(Math.floor(Date.now() / 1000)) },
      'webhook-signature': `v1,${journal.give('signature of a forged webhook')}`,
    },
  });
}

async function untilEnded(journal: Journal, token: string, id: unknown): Promise<void> {
  await eventually(
    async () => {
      const { body } = await journal.done(`GET /v1/transactions/${id}`, { token });
      if (body.status === 'pending') throw new Error(`${id} is still pending`);
    },
    { timeoutMs: 20_000, intervalMs: 100 },
  );
  await journal.done(`GET /v1/transactions/${id}/explain`, { token });
}

/** A number with the check digits of an IBAN that ends with that text. */
function ibanWith(text: string): string {
  return ibanOf('DE', text.toUpperCase().slice(0, 24));
}

/** Adds payees whose account numbers are canaries, in vain too, and removes one. */
export async function keepPayees(journal: Journal, { token }: Pick<Watched, 'token'>): Promise<void> {
  // Maltese numbers have room for a text; its random part is what makes it unlike any other.
  const accountNumber = ibanOf('MT', `MALT01100${randomUUID().replaceAll('-', '').toUpperCase().slice(0, 18)}`);
  const headers = { 'idempotency-key': journal.give('Idempotency-Key of a payee') };
  const order = { token, headers, body: { name: 'A payee', accountNumber } };
  const { body: payee } = await journal.done('POST /v1/payees', order);
  journal.take('account number of a payee', payee.accountNumber);
  await journal.done('POST /v1/payees', order);
  await journal.call('POST /v1/payees', { token, body: { name: 'Twice', accountNumber } });
  const wrong = journal.give('account number with wrong check digits', (text) => `MT00${text.toUpperCase()}`);
  await journal.call('POST /v1/payees', { token, body: { name: 'Mistyped', accountNumber: wrong } });
  await journal.done('GET /v1/payees', { token });
  await journal.done(`DELETE /v1/payees/${payee.id}`, { token });
}
