import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import Type from 'typebox';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { body } from './schemas.ts';
import type { Server } from './server.ts';
import { testServer } from './testing.ts';

let app: Server;
let port: number;

beforeAll(async () => {
  app = testServer();
  app.post('/echo', { schema: { body: body({ a: Type.String() }) } }, async (request) => request.body);
  app.post('/slow', { schema: { body: body({ a: Type.String() }) } }, async (request) => {
    await wait(200);
    return request.body;
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  port = (app.server.address() as AddressInfo).port;
});
afterAll(() => app.close());

/** Sends each part 400 ms after the one before, and gives what came back until the server closed, and when that was. */
async function converse(parts: Iterable<string>): Promise<{ answer: string; ms: number }> {
  const startedAt = performance.now();
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  for (const part of parts) {
    if (!socket.writable) break;
    socket.write(part);
    await Promise.race([closed, wait(400)]);
  }
  await closed;
  return { answer: Buffer.concat(chunks).toString(), ms: performance.now() - startedAt };
}

function problemOf(answer: string): { status: number; code: string } {
  const [head = '', content = ''] = answer.split('\r\n\r\n', 2);
  expect(head.toLowerCase()).toContain('content-type: application/problem+json');
  expect(head.toLowerCase()).toContain('connection: close');
  expect(JSON.parse(content)).toMatchObject({ traceId: expect.stringMatching(/^[0-9a-f]{32}$/) });
  return JSON.parse(content);
}

function* forever(first: string, next: string): Generator<string> {
  yield first;
  while (true) yield next;
}

describe('what is not HTTP is answered with a problem and a closed connection', () => {
  test.each([
    ['no HTTP at all', 'hello\r\n\r\n', 400],
    ['a bad header', 'GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n', 400],
    [
      'length and chunks at once',
      'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
    ],
    ['two lengths', 'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n', 400],
    ['too many header bytes', `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
  ])('%s', async (_name, request, status) => {
    const { answer } = await converse([request]);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(problemOf(answer)).toMatchObject({ status });
  });

  test('a request without Host is 400', async () => {
    const { answer } = await converse(['GET /health/live HTTP/1.1\r\nConnection: close\r\n\r\n']);
    expect(problemOf(answer)).toMatchObject({ status: 400, code: 'validation_failed' });
  });
});

describe('what is not HTTP behind a request that is', () => {
  const json = 'Host: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n';

  test.each(['/echo', '/slow'])('leaves POST %s its own answer, and gets 400 behind it', async (path) => {
    const { answer } = await converse([`POST ${path} HTTP/1.1\r\n${json}\r\n{"a":"b"}hello\r\n\r\n`]);
    const [first = '', second = ''] = answer.split(/(?<=\})(?=HTTP)/);
    expect(first).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*\{"a":"b"\}$/);
    expect(problemOf(second)).toMatchObject({ status: 400 });
  });

  test('gets no answer behind one that closes the connection', async () => {
    const head = `POST /echo HTTP/1.1\r\n${json}Connection: close\r\n\r\n`;
    const { answer } = await converse([`${head}{"a":"b"}hello\r\n\r\n`]);
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK/);
  });
});

describe('slow sockets are closed within 10 s', { timeout: 15_000 }, () => {
  test.concurrent.each([
    ['headers', 'GET /health/live HTTP/1.1\r\nHost: x\r\n', 'A: a\r\n'],
    [
      'a body',
      'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{',
      ' ',
    ],
    [
      'chunks',
      'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
      '1\r\n \r\n',
    ],
  ])('that send %s byte by byte', async (_name, first, next) => {
    const { answer, ms } = await converse(forever(first, next));
    expect(ms).toBeLessThan(10_000);
    expect(problemOf(answer)).toMatchObject({ status: 408, code: 'request_timeout' });
  });

  test.concurrent('control: with the defaults of Node such a socket is open when ours are closed', async () => {
    const plain = createServer().listen(0, '127.0.0.1');
    await once(plain, 'listening');
    const socket = connect((plain.address() as AddressInfo).port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n');
    await converse(['GET /health/live HTTP/1.1\r\nHost: x\r\n']);
    expect(socket.readyState).toBe('open');
    socket.destroy();
    plain.closeAllConnections();
    plain.close();
  });

  test.concurrent('that send nothing', async () => {
    expect((await converse([''])).ms).toBeLessThan(10_000);
  });
});
