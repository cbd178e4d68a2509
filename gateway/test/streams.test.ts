import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { testIssuer } from '@florin/auth/testing';
import { eventually } from '@florin/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { answerJson, startGateway, startUpstream } from './harness.ts';

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('an event stream', () => {
  test('passes event by event, with Last-Event-ID, and ends at the service when the client leaves', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url, {
      routes: [
        {
          method: 'GET',
          path: '/v1/notifications/stream',
          upstream: 'notification',
          access: {},
          limit: 'read',
          deadlineMs: 500,
          stream: true,
        },
      ],
    });
    let left = false;
    upstream.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      response.on('close', () => {
        left = true;
      });
      // The last pause is longer than the deadline and than the client's coarsest timer.
      for (const [index, ms] of [100, 200, 300, 3_000].entries()) {
        setTimeout(() => response.write(`id: ${index + 1}\ndata: {}\n\n`), ms);
      }
    };
    const leaving = new AbortController();
    const response = await fetch(`${gateway.url}/v1/notifications/stream`, {
      headers: { ...gateway.bearer, 'last-event-id': '41', 'accept-encoding': 'gzip, br' },
      signal: leaving.signal,
    });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(response.headers.get('content-encoding')).toBeNull();
    expect(upstream.arrived[0]?.headers['last-event-id']).toBe('41');
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    for (const event of [1, 2, 3, 4]) {
      const { value } = (await reader?.read()) ?? {};
      // One event a read: nothing waits for the next.
      expect(value).toBe(`id: ${event}\ndata: {}\n\n`);
    }
    leaving.abort();
    await wait(300);
    expect(left).toBe(true);
  });
});

describe('an answer of a told length on a route that streams', () => {
  const route = { method: 'GET', path: '/v1/me', upstream: 'identity', access: {}, limit: 'read' } as const;

  test.each([
    ['goes on past the deadline once it has begun', { stream: true }, [200, 'begun, ended']],
    ['control: elsewhere it is one answer, and late', {}, [504, expect.stringContaining('upstream_timeout')]],
  ])('%s', async (_name, marked, expected) => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url, { routes: [{ ...route, ...marked, deadlineMs: 400 }] });
    upstream.answer = (_request, response) => {
      response.writeHead(200, { 'content-length': '12' }).write('begun, ');
      setTimeout(() => response.end('ended'), 1_500);
    };
    const response = await fetch(`${gateway.url}/v1/me`, { headers: gateway.bearer });
    expect([response.status, await response.text()]).toEqual(expected);
  });
});

describe('a long answer', () => {
  const bytes = 64 * 1024 * 1024;

  /** An answer of 64 MiB to a client that reads nothing until told; and how much of it has left the service. */
  async function start() {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    let sent = 0;
    upstream.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/octet-stream' });
      const piece = Buffer.alloc(64 * 1024);
      const send = () => {
        while (sent < bytes) {
          sent += piece.length;
          if (!response.write(piece)) return void response.once('drain', send);
        }
        response.end();
      };
      send();
    };
    const client = connect(gateway.port, '127.0.0.1').pause();
    onTestFinished(() => void client.destroy());
    client.write(
      `GET /v1/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: ${gateway.bearer.authorization}\r\n\r\n`,
    );
    return { client, sent: () => sent };
  }

  test('waits at the service while the client does not read, and comes whole when it does', async () => {
    const { client, sent } = await start();
    await eventually(() => expect(sent()).toBeGreaterThan(0));
    let before = -1;
    // Until the buffers of all connections are full.
    while (before < sent()) {
      before = sent();
      await wait(300);
    }
    expect(before).toBeLessThan(bytes / 2);
    let received = 0;
    client.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    client.resume();
    await once(client, 'close');
    expect(received).toBeGreaterThan(bytes);
  });
});

/** The gateway's own process, with `url` as every service; resolves when it listens. */
async function startProcess(url: string, port: number): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--import', './src/telemetry.ts', 'src/main.ts'], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: {
      PATH: process.env.PATH,
      PORT: String(port),
      METRICS_PORT: '0',
      SERVICE_CLIENT_SECRET: 'x',
      IDENTITY_URL: url,
      ACCOUNTS_URL: url,
      TRANSACTIONS_URL: url,
      NOTIFICATION_URL: url,
      SHUTDOWN_GRACE_MS: '1000',
      RATE_LIMIT_READ: '1000000',
    },
    stdio: 'ignore',
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  for (;;) {
    const ready = await fetch(`http://127.0.0.1:${port}/health/ready`).catch(() => undefined);
    await ready?.arrayBuffer();
    if (ready?.ok) return child;
    if (child.exitCode !== null) throw new Error(`the gateway ended with ${child.exitCode}`);
    await wait(50);
  }
}

describe('SIGTERM under load', { timeout: 60_000 }, () => {
  test('fails no request of clients that stop calling when readiness says 503, and exits 0 within 10 s', async () => {
    const issuer = testIssuer();
    const upstream = await startUpstream();
    upstream.answer = ({ url }, response) => {
      if (url.startsWith('/.well-known')) answerJson(response, 200, issuer.jwks);
      else if (url.startsWith('/internal/service-tokens')) answerJson(response, 200, { token: 'x', expiresIn: 600 });
      else if (url.startsWith('/internal/')) answerJson(response, 200, { data: [], asOf: new Date().toISOString() });
      else setTimeout(() => answerJson(response, 200, { ok: true }), 20);
    };
    const unused = await startUpstream();
    await unused.stop();
    const child = await startProcess(upstream.url, unused.port);
    const base = `http://127.0.0.1:${unused.port}`;
    const headers = { authorization: `Bearer ${issuer.userToken()}` };
    let draining = false;
    const statuses: (number | string)[] = [];
    const client = async () => {
      while (!draining) {
        const response = await fetch(`${base}/v1/me`, { headers }).catch((error: Error) => String(error.cause));
        if (typeof response !== 'string') await response.arrayBuffer();
        statuses.push(typeof response === 'string' ? response : response.status);
      }
    };
    const clients = Array.from({ length: 16 }, client);
    while (statuses.length < 50) await wait(20);
    const exited = once(child, 'exit');
    const signalled = performance.now();
    child.kill('SIGTERM');
    // As a load balancer does: it asks for readiness, and sends no more once that is 503.
    while (!draining) {
      await wait(100);
      draining = (await fetch(`${base}/health/ready`)).status === 503;
    }
    await Promise.all(clients);
    expect((await exited)[0]).toBe(0);
    expect(performance.now() - signalled).toBeLessThan(10_000);
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
  });
});
