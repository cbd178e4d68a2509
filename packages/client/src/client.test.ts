import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClient, ProblemError, UnknownOutcomeError } from './index.ts';

interface Seen {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingMessage['headers'];
  body: unknown;
}

type Answer = (reply: ServerResponse, request: Seen) => void;

let server: Server;
let baseUrl: string;
let seen: Seen[];
/** One per request; the last one answers all further ones. */
let answers: Answer[];

const transfer = { from: 'acc_1', to: 'acc_2', amount: '12.50', currency: 'USD' };

beforeEach(async () => {
  seen = [];
  answers = [];
  server = createServer(async (request, reply) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const { method, url, headers } = request;
    seen.push({ method, url, headers, body: text === '' ? undefined : JSON.parse(text) });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    answer?.(reply, seen.at(-1) as Seen);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  baseUrl = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return (reply) =>
    reply.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

function problem(status: number, code: string, headers: Record<string, string> = {}): Answer {
  return json(status, { type: 'about:blank', title: 'No', status, code, traceId: 'abc' }, headers);
}

const reset: Answer = (reply) => reply.destroy();

function client() {
  return createClient({ baseUrl, accessToken: 'token', pauseMs: 1, timeoutMs: 500 });
}

describe('a POST', () => {
  it('sends the body, the token and a key of its own', async () => {
    answers = [json(201, { id: 'txn_1', status: 'posted' })];
    expect(await client().transfer(transfer)).toEqual({ id: 'txn_1', status: 'posted' });
    await client().transfer(transfer);
    expect(seen[0]).toMatchObject({ method: 'POST', url: '/v1/transfers', body: transfer });
    expect(seen[0]?.headers).toMatchObject({ authorization: 'Bearer token', 'content-type': 'application/json' });
    expect(seen[0]?.headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/);
    expect(seen[1]?.headers['idempotency-key']).not.toBe(seen[0]?.headers['idempotency-key']);
  });

  it.each([
    ['a reset connection', reset],
    ['no answer in time', () => {}],
    ['503', problem(503, 'upstream_unavailable')],
    ['an answer that is no problem document', (reply: ServerResponse) => reply.writeHead(502).end('<html>')],
    ['409 idempotency_in_progress', problem(409, 'idempotency_in_progress')],
  ] satisfies [string, Answer][])('is sent again with the same key after %s', async (_name, failure) => {
    answers = [failure as Answer, json(201, { id: 'txn_1' })];
    expect(await client().transfer(transfer, { idempotencyKey: 'mine' })).toEqual({ id: 'txn_1' });
    expect(seen.map(({ headers }) => headers['idempotency-key'])).toEqual(['mine', 'mine']);
    expect(seen[1]?.body).toEqual(transfer);
  });

  it('waits as long as Retry-After says', async () => {
    answers = [problem(429, 'rate_limited', { 'retry-after': '1' }), json(201, {})];
    const startedAt = Date.now();
    await client().transfer(transfer);
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(990);
  });

  it('is not sent again after a definite no, which is thrown with its code', async () => {
    answers = [problem(422, 'insufficient_funds')];
    const error = await client()
      .transfer(transfer)
      .catch((thrown) => thrown);
    expect(error).toBeInstanceOf(ProblemError);
    expect(error).toMatchObject({ status: 422, code: 'insufficient_funds', problem: { traceId: 'abc' } });
    expect(seen.length).toBe(1);
  });

  it.each(['conflict', 'account_locked'])('is not sent again after %s', async (code) => {
    answers = [problem(code === 'conflict' ? 409 : 429, code, { 'retry-after': '1' })];
    await expect(client().transfer(transfer)).rejects.toMatchObject({ code });
    expect(seen.length).toBe(1);
  });

  it('without any answer throws an unknown outcome that carries the key', async () => {
    answers = [reset];
    const error = await client()
      .transfer(transfer, { idempotencyKey: 'mine' })
      .catch((thrown) => thrown);
    expect(error).toBeInstanceOf(UnknownOutcomeError);
    expect(error.idempotencyKey).toBe('mine');
    expect(seen.length).toBe(4);
  });

  it('that is told to wait for longer than we would is given back at once', async () => {
    answers = [problem(429, 'rate_limited', { 'retry-after': '3600' })];
    await expect(client().transfer(transfer)).rejects.toMatchObject({ code: 'rate_limited', retryAfter: 3600 });
    expect(seen.length).toBe(1);
  });
});

describe('a GET', () => {
  it('sends what is set of its query, escaped, and no key', async () => {
    answers = [json(200, { data: [], nextCursor: null })];
    await client().transactions({ account: 'acc_1', limit: 5, reference: 'a&b' });
    expect(seen[0]?.url).toBe('/v1/transactions?account=acc_1&limit=5&reference=a%26b');
    expect(seen[0]?.headers).not.toHaveProperty('idempotency-key');
    expect(seen[0]?.headers).not.toHaveProperty('content-type');
  });

  it('cannot leave its path by an id', async () => {
    answers = [json(200, {})];
    await client().account('../users/usr_1');
    expect(seen[0]?.url).toBe('/v1/accounts/..%2Fusers%2Fusr_1');
  });
});

describe('a session', () => {
  const tokens = (number: number) => ({
    accessToken: `a${number}`,
    refreshToken: `r${number}`,
    expiresIn: 600,
    tokenType: 'Bearer',
  });

  function api(reply: ServerResponse, { url, headers }: Seen): void {
    if (url === '/v1/auth/login') json(200, tokens(1))(reply, {} as Seen);
    else if (url === '/v1/auth/refresh') json(200, tokens(2))(reply, {} as Seen);
    else if (headers.authorization === 'Bearer a2') json(200, { id: 'usr_1' })(reply, {} as Seen);
    else problem(401, 'token_expired')(reply, {} as Seen);
  }

  it('renews an expired token once for parallel calls, and repeats them', async () => {
    answers = [api];
    const user = createClient({ baseUrl, pauseMs: 1 });
    await user.login({ email: 'a@example.com', password: 'p' });
    expect(await Promise.all([user.me(), user.me(), user.me()])).toEqual([1, 2, 3].map(() => ({ id: 'usr_1' })));
    const renewals = seen.filter(({ url }) => url === '/v1/auth/refresh');
    expect(renewals.map(({ body }) => body)).toEqual([{ refreshToken: 'r1' }]);
  });

  it('without a login an expired token is the caller’s to renew', async () => {
    answers = [api];
    await expect(client().me()).rejects.toMatchObject({ code: 'token_expired' });
    expect(seen.length).toBe(1);
  });

  it('after logout sends no token', async () => {
    answers = [json(200, tokens(1)), (reply) => reply.writeHead(204).end(), json(200, {})];
    const user = createClient({ baseUrl });
    await user.login({ email: 'a@example.com', password: 'p' });
    await user.logout();
    await user.me();
    expect(seen[1]?.headers.authorization).toBe('Bearer a1');
    expect(seen[2]?.headers).not.toHaveProperty('authorization');
  });
});
