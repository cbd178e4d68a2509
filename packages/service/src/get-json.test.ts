import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AnswerStatusError, getJson } from './get-json.ts';

const form = Compile(Type.Object({ name: Type.String() }));
let answer: RequestListener;
const received: (string | undefined)[] = [];
const server = createServer((request, response) => {
  received.push(`${request.method} ${request.url} ${request.headers.authorization}`);
  answer(request, response);
});
let base: string;
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const ask = (more: { signal?: AbortSignal; maxBytes?: number } = {}) =>
  getJson(new URL('/things?of=a%26b', base), {
    authorization: 'Bearer somebody',
    form,
    signal: AbortSignal.timeout(5_000),
    ...more,
  });
const says =
  (status: number, body: string): RequestListener =>
  (_request, response) =>
    response.writeHead(status, { location: '/elsewhere' }).end(body);

describe('getJson', () => {
  it('asks with the authorization as given, and gives the answer', async () => {
    answer = says(200, '{"name":"ünïcode","more":1}');
    received.length = 0;
    expect(await ask()).toMatchObject({ name: 'ünïcode' });
    expect(received).toEqual(['GET /things?of=a%26b Bearer somebody']);
  });

  it.each([401, 404, 500, 503])('throws the status of a %i', async (status) => {
    answer = says(status, '{"name":"a"}');
    const error = await ask().catch((raised: unknown) => raised);
    expect(error).toBeInstanceOf(AnswerStatusError);
    expect(error).toMatchObject({ status, message: `/things answered ${status}` });
  });

  it('follows no redirect', async () => {
    answer = says(307, '');
    received.length = 0;
    await expect(ask()).rejects.toThrow();
    expect(received).toHaveLength(1);
  });

  it.each(['', 'not json', '[]', '{"name":7}', 'null'])('throws for the answer %s', async (body) => {
    answer = says(200, body);
    await expect(ask()).rejects.toThrow();
  });

  it('breaks off an answer that is too long, and one that does not end', async () => {
    let closed = 0;
    answer = (_request, response) => {
      response.once('close', () => {
        closed += 1;
      });
      const timer = setInterval(() => response.write(' '.repeat(1_000)), 5);
      response.once('close', () => clearInterval(timer));
    };
    await expect(ask({ maxBytes: 2_500 })).rejects.toThrow('longer than 2500 bytes');
    await expect(ask({ signal: AbortSignal.timeout(100) })).rejects.toThrow('timeout');
    await expect.poll(() => closed).toBe(2);
  });
});
