import { randomInt } from 'node:crypto';
import { formatId, newUuid } from '@florin/service';
import { accountCount, accountUuid } from '../seed.ts';
import type { Calls } from './order.ts';

/** Gives the text of the next request each time it is called. Little work: the generator shares the cores with what it loads. */
export type NextCall = () => string;

/** How to make the requests, and the status that each should have. */
export function callTexts(host: string, calls: Calls): { next: NextCall; expected: number } {
  switch (calls.kind) {
    case 'transfers':
      return { next: transfers(host, calls), expected: 201 };
    case 'batches':
      return { next: batches(host, calls), expected: 200 };
    case 'balances':
      return { next: balances(host, calls), expected: 200 };
    case 'logins':
      return { next: logins(host, calls), expected: 200 };
  }
}

const accountId = (number: number) => formatId('acc', accountUuid(number));

function transfers(host: string, { tokens, shape, accounts }: Extract<Calls, { kind: 'transfers' }>): NextCall {
  const ids = Array.from({ length: accounts }, (_, number) => accountId(number));
  const heads = tokens.map((token) => postHead(host, '/v1/transfers', token));
  const half = Math.floor(accounts / 2);
  return () => {
    const from = shape === 'hot' ? 0 : randomInt(1, half);
    const to = shape === 'hot' ? randomInt(1, accounts) : randomInt(half, accounts);
    return post(heads[from % heads.length], transferBody(ids[from], ids[to]));
  };
}

function batches(host: string, { tokens, size }: Extract<Calls, { kind: 'batches' }>): NextCall {
  const half = accountCount / 2;
  // All of one request are from accounts of one owner. A few bodies, made ahead, and a new key for each call.
  const prepared = tokens.slice(0, 8).map((token, owner) => {
    const items = Array.from({ length: size }, () => {
      const from = owner + tokens.length * randomInt(1, Math.floor(half / tokens.length));
      return transferBody(accountId(from), accountId(randomInt(half, accountCount)));
    });
    return {
      head: postHead(host, '/v1/transfers/batch', token),
      body: `{"mode":"independent","transfers":[${items.join(',')}]}`,
    };
  });
  let count = 0;
  return () => {
    const { head, body = '' } = prepared[count++ % prepared.length] ?? {};
    return post(head, body);
  };
}

function balances(host: string, { tokens }: Extract<Calls, { kind: 'balances' }>): NextCall {
  const texts = Array.from({ length: 2000 }, (_, number) => {
    const path = `/v1/accounts/${accountId(number)}/balance`;
    return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${tokens[number % tokens.length]}\r\n\r\n`;
  });
  let count = 0;
  return () => texts[count++ % texts.length] ?? '';
}

/** One person after the other, so that nobody waits for another login of the same email. */
function logins(host: string, { people }: Extract<Calls, { kind: 'logins' }>): NextCall {
  const head = `POST /v1/auth/login HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n`;
  const texts = people.map((person) => {
    const body = JSON.stringify({ email: person.email, password: person.password });
    return `${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  });
  let count = 0;
  return () => texts[count++ % texts.length] ?? '';
}

function transferBody(from: string | undefined, to: string | undefined): string {
  return `{"from":"${from}","to":"${to}","amount":"0.10","currency":"USD"}`;
}

function postHead(host: string, path: string, token: string): string {
  return `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n`;
}

function post(head: string | undefined, body: string): string {
  return `${head}Idempotency-Key: ${newUuid()}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}
