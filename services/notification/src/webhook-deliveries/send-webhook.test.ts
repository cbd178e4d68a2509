import { once } from 'node:events';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { selfSigned } from '@florin/testing';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { insideUrls } from '../testing/inside-urls.ts';
import { type Receiver, silence, startReceiver, status } from '../testing/receiver.ts';
import { type Resolve, resolveBySystem } from '../webhook-targets/resolve-host.ts';
import { type SendOptions, type SendResult, sendWebhook } from './send-webhook.ts';

const never = new AbortController().signal;
const body = '{"type":"webhook.test"}';

function send(url: string, options: Partial<SendOptions> = {}, closing = never): Promise<SendResult> {
  const rules: SendOptions = { privateTargets: 'refuse', resolve: async () => [], deadlineMs: 2_000, ...options };
  return sendWebhook({ url, headers: { 'webhook-id': 'evt_1' }, body }, rules, closing);
}

const allowed = { privateTargets: 'allow', resolve: resolveBySystem } as const;

let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver('0.0.0.0');
});
afterEach(() => receiver.close());

const port = () => new URL(receiver.url).port;

/** Counts connections to a port of all addresses of this machine, IPv6 where there is one. */
async function startCanary(): Promise<{ port: number; connections: () => number }> {
  let connections = 0;
  const server = createTcpServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await listenAnywhere(server);
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, connections: () => connections };
}

async function listenAnywhere(server: Server): Promise<void> {
  const listening = once(server.listen(0, '::'), 'listening');
  await listening.catch(async () => await once(server.listen(0, '0.0.0.0'), 'listening'));
}

const withPort = (url: string, to: number) => url.replace('/hook', `:${to}/hook`);

describe('nothing inside is reached', () => {
  it('by any notation of an address or local name: 0 connections', async () => {
    const canary = await startCanary();
    const resolve = resolveBySystem;
    for (const url of insideUrls) {
      expect(await send(withPort(url, canary.port), { resolve }), url).toEqual({ error: 'refused' });
    }
    expect(canary.connections()).toBe(0);
  });

  it.each([
    ['one inside', ['127.0.0.1']],
    ['one inside among others', ['93.184.216.34', '127.0.0.1']],
    ['one inside before others', ['127.0.0.1', '2606:4700::1']],
    ['a mapped one', ['::ffff:127.0.0.1']],
    ['loopback of IPv6', ['::1']],
  ])('by a name with addresses of which there is %s', async (_name, addresses) => {
    const canary = await startCanary();
    const resolve = async () => addresses;
    expect(await send(`https://example.com:${canary.port}/`, { resolve })).toEqual({ error: 'refused' });
    expect(canary.connections()).toBe(0);
  });

  it('by a name that leads outside when it is checked and inside when it is asked for again', async () => {
    const canary = await startCanary();
    const asked: string[] = [];
    const rebinding: Resolve = async (name) => {
      asked.push(name);
      return asked.length === 1 ? ['203.0.114.1'] : ['127.0.0.1'];
    };
    // Nobody is at the first address: the attempt ends without an answer, and the name was asked for once.
    const first = await send(`https://example.com:${canary.port}/`, { resolve: rebinding, deadlineMs: 500 });
    expect(first).toEqual({ error: expect.stringMatching(/^(timeout|connection)$/) });
    expect(asked).toEqual(['example.com']);
    expect(await send(`https://example.com:${canary.port}/`, { resolve: rebinding })).toEqual({ error: 'refused' });
    expect(canary.connections()).toBe(0);
  });

  it.each([301, 302, 303, 307, 308])('by a redirect: %i is an answer like any other', async (code) => {
    const canary = await startCanary();
    const location = `http://127.0.0.1:${canary.port}/`;
    receiver.answers.push(status(code, 'over there', { location }));
    expect(await send(`http://127.0.0.1:${port()}/`, allowed)).toEqual({ status: code, answer: 'over there' });
    expect(canary.connections()).toBe(0);
  });

  it('control: with the guard off the canary is reached by most notations of loopback, and by a name that leads there', async () => {
    const canary = await startCanary();
    const off = { ...allowed, deadlineMs: 500 };
    const loopback = insideUrls.filter((url) => /127|7f0+1|①|017|localhost|::1\]|2130706433/i.test(url));
    for (const url of loopback) await send(withPort(url, canary.port).replace('https:', 'http:'), off);
    expect(canary.connections()).toBeGreaterThan(10);
    const before = canary.connections();
    await send(`http://example.com:${canary.port}/`, { ...off, resolve: async () => ['127.0.0.1'] });
    expect(canary.connections()).toBe(before + 1);
  });
});

describe('a webhook that is sent', () => {
  it('arrives with its bytes and headers, at the path and query of the URL, and the answer comes back', async () => {
    const result = await send(`http://localhost:${port()}/hook?token=1`, allowed);
    expect(result).toEqual({ status: 200, answer: 'ok' });
    expect(receiver.received).toMatchObject([{ path: '/hook?token=1', body }]);
    expect(receiver.received[0]?.headers).toMatchObject({
      ...{ 'content-type': 'application/json', 'content-length': String(body.length), 'webhook-id': 'evt_1' },
      ...{ 'user-agent': 'Florin-Webhooks/1', host: `localhost:${port()}` },
    });
  });

  it('of the answer the first KiB is kept: no half character, no NUL', async () => {
    receiver.answers.push(status(200, `\u0000${'a'.repeat(1_021)}€ and more`), status(500, 'x'.repeat(1_000_000)));
    const first = await send(`http://127.0.0.1:${port()}/`, allowed);
    expect(first).toEqual({ status: 200, answer: `\ufffd${'a'.repeat(1_021)}` });
    const second = await send(`http://127.0.0.1:${port()}/`, allowed);
    expect(second).toEqual({ status: 500, answer: 'x'.repeat(1_024) });
  });

  it.each(['refused connection', 'reset', 'nonsense'])('without an answer: %s', async (how) => {
    const server = createTcpServer((socket: Socket) => {
      if (how === 'reset') socket.resetAndDestroy();
      else socket.end('no HTTP at all\r\n\r\n');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port: there } = server.address() as AddressInfo;
    if (how === 'refused connection') server.close();
    expect(await send(`http://127.0.0.1:${there}/`, allowed)).toEqual({ error: 'connection' });
    server.close();
  });

  it('a name that nobody knows', async () => {
    expect(await send('https://example.com/')).toEqual({ error: 'name_unknown' });
  });

  it('a certificate that no authority has signed is not believed, and nothing is sent', async () => {
    const asked: string[] = [];
    const server = createHttpsServer(selfSigned(), ({ url = '' }, response) => {
      asked.push(url);
      response.end();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void server.close());
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    expect(await send(url, allowed)).toEqual({ error: 'tls' });
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    onTestFinished(() => void delete process.env.NODE_TLS_REJECT_UNAUTHORIZED);
    expect(await send(url, allowed)).toEqual({ error: 'tls' });
    expect(asked).toEqual([]);
  });
});

describe('the deadline', () => {
  async function timed(work: Promise<SendResult>): Promise<[SendResult, number]> {
    const started = performance.now();
    return [await work, performance.now() - started];
  }

  it('ends waiting for a receiver that says nothing', async () => {
    receiver.answers.push(silence);
    const [result, ms] = await timed(send(`http://127.0.0.1:${port()}/`, { ...allowed, deadlineMs: 300 }));
    expect(result).toEqual({ error: 'timeout' });
    expect(ms).toBeLessThan(1_800);
  });

  it('ends waiting for a name server that says nothing', async () => {
    const resolve = () => new Promise<never>(() => {});
    const [result, ms] = await timed(send('https://example.com/', { resolve, deadlineMs: 300 }));
    expect(result).toEqual({ error: 'timeout' });
    expect(ms).toBeLessThan(1_800);
  });

  it('a body that drips is cut after a second: the status counts', async () => {
    receiver.answers.push((response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write('.'), 50);
      response.once('close', () => clearInterval(drip));
    });
    const patient = { ...allowed, deadlineMs: 10_000 };
    const [result, ms] = await timed(send(`http://127.0.0.1:${port()}/`, patient));
    expect(result).toEqual({ status: 200, answer: expect.stringMatching(/^\.+$/) });
    expect(ms).toBeLessThan(5_000);
  });

  it('headers that drip end with it', async () => {
    const server = createTcpServer((socket) => {
      const drip = setInterval(() => socket.write('HTTP/1.1 100 Continue\r\n\r\n'), 20);
      socket.once('close', () => clearInterval(drip)).on('error', () => {});
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const [result, ms] = await timed(send(url, { ...allowed, deadlineMs: 400 }));
    expect(result).toEqual({ error: 'timeout' });
    expect(ms).toBeLessThan(1_800);
  });

  it('the end of the process breaks it off, and nothing is said to have come of it', async () => {
    receiver.answers.push(silence);
    const closing = new AbortController();
    setTimeout(() => closing.abort(), 100);
    await expect(send(`http://127.0.0.1:${port()}/`, allowed, closing.signal)).rejects.toThrow();
  });
});
