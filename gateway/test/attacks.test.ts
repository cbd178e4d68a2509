import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { routerPath } from '../src/plugins/proxy.ts';
import { routes } from '../src/routes.ts';
import { type Arrived, sendRaw, startGateway, startUpstream, stopServer, type TestUpstream } from './harness.ts';
import { startPlainProxy } from './planted.ts';

const lines = (...parts: string[]) => parts.join('\r\n');
const post = (...headers: string[]) => lines('POST /v1/auth/login HTTP/1.1', 'Host: localhost', ...headers, '', '');
const hidden = 'GET /v1/users HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** Requests in which two readers could see different ends, and the statuses that may be answered, in order. */
const framings: [string, string, number[]][] = [
  ['CL.TE', `${post('Content-Length: 6', 'Transfer-Encoding: chunked')}0\r\n\r\nG`, [400]],
  ['TE.CL', `${post('Transfer-Encoding: chunked', 'Content-Length: 4')}5c\r\nGPOST`, [400]],
  ['TE.TE with an unknown coding', `${post('Transfer-Encoding: xchunked')}0\r\n\r\n`, [400]],
  ['two Transfer-Encoding', `${post('Transfer-Encoding: chunked', 'Transfer-Encoding: identity')}0\r\n\r\n`, [400]],
  ['a blank before the colon', `${post('Transfer-Encoding : chunked')}0\r\n\r\n`, [400]],
  ['two lengths, alike', `${post('Content-Length: 2', 'Content-Length: 2')}{}`, [400]],
  ['two lengths in one', `${post('Content-Length: 2, 3')}{}`, [400]],
  ['a length with a sign', `${post('Content-Length: +2')}{}`, [400]],
  ['a negative length', `${post('Content-Length: -1')}{}`, [400]],
  ['a length in hex', `${post('Content-Length: 0x2')}{}`, [400]],
  ['a length beyond all numbers', `${post('Content-Length: 99999999999999999999')}{}`, [400]],
  ['a folded header', `${post('X-A: b', ' c', 'Content-Length: 0')}`, [400]],
  ['a bare LF in the head', 'POST /v1/auth/login HTTP/1.1\nHost: localhost\nContent-Length: 0\n\n', [400]],
  ['a bare CR in a header', `${post('X-A: b\rContent-Length: 9', 'Content-Length: 0')}`, [400]],
  ['a NUL in a header', `${post('X-A: b\0c', 'Content-Length: 0')}`, [400]],
  ['a chunk size beyond all numbers', `${post('Transfer-Encoding: chunked')}ffffffffffffffffff\r\n{}`, [400]],
  ['a chunk size that is none', `${post('Transfer-Encoding: chunked')}zz\r\n{}\r\n0\r\n\r\n`, [400]],
  ['a chunk longer than it says', `${post('Transfer-Encoding: chunked')}2\r\n{}}\r\n0\r\n\r\n`, [400]],
  ['a bare LF after a chunk size', `${post('Transfer-Encoding: chunked')}2\n{}\r\n0\r\n\r\n`, [400]],
  [
    'a chunked body over the limit',
    `${post('Transfer-Encoding: chunked')}10001\r\n${'x'.repeat(0x10001)}\r\n0\r\n\r\n`,
    [413],
  ],
  ['Expect for what nobody knows', `${post('Expect: 200-maybe', 'Content-Length: 2')}{}`, [400]],
  ['an unknown method', 'FOO /v1/me HTTP/1.1\r\nHost: localhost\r\n\r\n', [400]],
  ['CONNECT', 'CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n', []],
  ['HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400]],
  ['HTTP/0.9', 'GET /v1/me\r\n\r\n', [400]],
  ['an absolute target', 'GET http://localhost/.well-known/jwks.json HTTP/1.1\r\nHost: localhost\r\n\r\n', [400]],
  ['two Hosts', lines('GET /.well-known/jwks.json HTTP/1.1', 'Host: a', 'Host: b', '', ''), [400]],
  ['a request behind a refused one', `${post('Content-Length: 2, 3')}{}${hidden}`, [400]],
];

function statusesOf(answer: string): number[] {
  return [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)]
    .map(([, status]) => Number(status))
    .filter((status) => status !== 100);
}

/** The same attack on a proxy that reads what comes last as true: what the checks below are for. */
async function startNaiveProxy(upstream: TestUpstream): Promise<number> {
  const server = createServer({ insecureHTTPParser: true }, async (request, response) => {
    try {
      for await (const _chunk of request);
      const answer = await fetch(upstream.url + request.url, { method: request.method ?? 'GET' });
      response.end(await answer.text());
    } catch {
      response.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => stopServer(server));
  return (server.address() as AddressInfo).port;
}

describe('framing that can be read in two ways', () => {
  test.each(framings)('%s is refused, and nothing of it reaches a service', async (_name, bytes, statuses) => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    const answer = await sendRaw(gateway.port, Buffer.from(bytes, 'latin1'));
    expect(statusesOf(answer)).toEqual(statuses);
    if (statuses.length > 0) expect(answer).toMatch(/^content-type: application\/problem\+json/im);
    expect(upstream.arrived).toEqual([]);
  });

  test('control: a lenient proxy lets some of it through', async () => {
    const through = framings.map(async ([name, bytes]) => {
      const upstream = await startUpstream();
      const port = await startNaiveProxy(upstream);
      await sendRaw(port, Buffer.from(bytes, 'latin1'), 300);
      return upstream.arrived.length > 0 ? [name] : [];
    });
    expect((await Promise.all(through)).flat()).toEqual(
      expect.arrayContaining([
        ...['CL.TE', 'a blank before the colon', 'a folded header', 'a bare LF in the head', 'a NUL in a header'],
        ...['a bare LF after a chunk size', 'HTTP/0.9', 'two Hosts'],
      ]),
    );
  });

  test('chunk extensions and trailers are left behind', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    const head = post('Content-Type: application/json', 'Transfer-Encoding: chunked', 'Trailer: X-User-Id');
    const answer = await sendRaw(gateway.port, `${head}2;a=b\r\n{}\r\n0\r\nX-User-Id: usr_1\r\n\r\n`);
    expect(statusesOf(answer)).toEqual([200]);
    expect(upstream.arrived[0]?.body.toString()).toBe('{}');
    expect(JSON.stringify(upstream.arrived[0]?.rawHeaders)).not.toMatch(/usr_1|chunked|trailer/i);
  });

  test('a request behind a refused body is not taken for one', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    const refused = `GET /v1/me HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`;
    expect(statusesOf(await sendRaw(gateway.port, refused))).toEqual([400]);
    expect(upstream.arrived).toEqual([]);
  });
});

/** Numbers from 0 to 1 that are the same for a seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const oddParts = [
  '..',
  '.',
  '%2e%2e',
  '%2f',
  '%5c',
  '\\',
  '//',
  ';a=b',
  '%00',
  '%',
  '%25',
  '%252f',
  '?',
  '#',
  '@',
  ':',
  '*',
  'é',
];

/** A path of the table, or of the services' inside, with odd parts put in anywhere. */
function oddPath(random: () => number): string {
  const bases = [...routes.map(({ path }) => path.replace(/\{\w+\}/g, 'x_1')), '/internal/revocations', '/metrics'];
  const of = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)];
  let path = of(bases) ?? '/';
  for (let count = Math.floor(random() * 3); count >= 0; count -= 1) {
    const at = Math.floor(random() * (path.length + 1));
    path = path.slice(0, at) + (of(oddParts) ?? '') + path.slice(at);
  }
  return path;
}

const publicPaths = routes.map(({ method, path }) => ({
  method,
  pattern: new RegExp(`^${routerPath(path).replace(/[.]/g, '\\.').replace(/:\w+/g, '[^/]+')}$`),
}));

/** Sends 300 odd paths and names what is wrong: answers that are no plain refusal, and arrivals that are no row of the table. */
async function strayed(
  target: { port: number; authorization: string; waitMs: number },
  upstream: TestUpstream,
  seed: number,
): Promise<string[]> {
  const random = seeded(seed);
  const paths = ['/v1/me', ...Array.from({ length: 300 }, () => oddPath(random))];
  const rest = [`Authorization: ${target.authorization}`, 'Connection: close', '', ''];
  const head = (path: string) => lines(`GET ${path} HTTP/1.1`, 'Host: localhost', ...rest);
  const answers = await Promise.all(
    paths.map((path) => sendRaw(target.port, Buffer.from(head(path), 'latin1'), target.waitMs)),
  );
  const wrongAnswers = answers.flatMap((answer, index) =>
    /^HTTP\/1\.1 (200|400|404|405|503) /.test(answer) ? [] : [`${paths[index]} is ${answer.split('\r\n', 1)[0]}`],
  );
  return [...wrongAnswers, ...upstream.arrived.filter(isStray).map(({ url }) => `${url} arrived`)];
}

/** Whether it is, decoded and resolved as a service might, no row of the table. */
function isStray({ method, url }: Pick<Arrived, 'method' | 'url'>): boolean {
  try {
    const seen = new URL(url, 'http://service').pathname;
    const decoded = decodeURIComponent(seen).replaceAll('\\', '/');
    const isRow = publicPaths.some((one) => one.method === method && one.pattern.test(decoded));
    return !isRow || seen !== url.split('?', 1)[0];
  } catch {
    return true;
  }
}

describe('odd paths', () => {
  const seed = Date.now() % 1_000_000;

  test('what arrives at a service is, decoded and resolved, a row of the table', { timeout: 30_000 }, async () => {
    const upstream = await startUpstream();
    const { port, bearer } = await startGateway(upstream.url);
    const target = { port, authorization: bearer.authorization ?? '', waitMs: 5_000 };
    expect(await strayed(target, upstream, seed), `seed ${seed}`).toEqual([]);
    expect(upstream.arrived.length).toBeGreaterThan(0);
  });

  test('control: through a plain proxy much else arrives', { timeout: 30_000 }, async () => {
    const upstream = await startUpstream();
    const { port } = await startPlainProxy(upstream.url);
    const found = await strayed({ port, authorization: 'Bearer x', waitMs: 1_000 }, upstream, seed);
    expect(found.filter((fault) => fault.endsWith(' arrived')).length, `seed ${seed}`).toBeGreaterThan(10);
  });
});
