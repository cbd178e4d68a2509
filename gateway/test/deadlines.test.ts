import { eventually } from '@florin/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { problemOf, rawRequest, sendRaw, startGateway, startUpstream } from './harness.ts';

const base = { method: 'GET', upstream: 'accounts', access: {}, limit: 'read' } as const;

describe('a service that hangs', () => {
  test('is 504 within its deadline, and others are served meanwhile', async () => {
    const hung = await startUpstream();
    const upstream = await startUpstream();
    hung.answer = () => undefined;
    const urls = { identity: upstream.url, accounts: hung.url, transactions: upstream.url, notification: upstream.url };
    const gateway = await startGateway(hung.url, {
      config: { upstreamUrls: urls },
      routes: [
        { ...base, path: '/v1/accounts', deadlineMs: 2_000 },
        { ...base, path: '/v1/me', upstream: 'identity' },
        // Control: what waits without a deadline of two seconds is not answered then.
        { ...base, path: '/v1/accounts/{id}', deadlineMs: 20_000 },
      ],
    });
    let patient: Response | undefined;
    const waitingOn = fetch(`${gateway.url}/v1/accounts/acc_1`, { headers: gateway.bearer }).then((response) => {
      patient = response;
    });
    const started = performance.now();
    const waiting = fetch(`${gateway.url}/v1/accounts`, { headers: gateway.bearer });
    expect((await fetch(`${gateway.url}/v1/me`, { headers: gateway.bearer })).status).toBe(200);
    expect(performance.now() - started).toBeLessThan(1_500);
    const late = await waiting;
    expect(performance.now() - started).toBeLessThan(4_000);
    expect(await problemOf(late)).toMatchObject({ status: 504, code: 'upstream_timeout' });
    expect(late.headers.get('retry-after')).toBe('1');
    expect(hung.arrived).toHaveLength(2);
    expect(patient).toBeUndefined();
    hung.server.closeAllConnections();
    await waitingOn;
  });

  test('an answer that comes after the deadline is thrown away and harms nothing', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url, { routes: [{ ...base, path: '/v1/accounts', deadlineMs: 800 }] });
    upstream.answer = (_request, response) => void setTimeout(() => response.end('late'), 1_000);
    const late = await fetch(`${gateway.url}/v1/accounts`, { headers: gateway.bearer });
    expect(late.status).toBe(504);
    await new Promise((resolve) => setTimeout(resolve, 500));
    upstream.answer = (_request, response) => response.end('in time');
    const next = await fetch(`${gateway.url}/v1/accounts`, { headers: gateway.bearer });
    expect([next.status, await next.text()]).toEqual([200, 'in time']);
  });
});

describe('a path that the proxy does not take', () => {
  test.each(['/v1/accounts/..x', '/v1/accounts/x../y'])('%s is 400, and its deadline harms nobody', async (path) => {
    const upstream = await startUpstream();
    upstream.answer = () => undefined;
    const gateway = await startGateway(upstream.url, {
      routes: [
        { ...base, path: '/v1/accounts/{id}', deadlineMs: 300 },
        { ...base, path: '/v1/accounts/{id}/y', deadlineMs: 300 },
        { ...base, path: '/v1/accounts', deadlineMs: 300 },
      ],
    });
    const lost: unknown[] = [];
    const keep = (error: unknown) => lost.push(error);
    process.on('unhandledRejection', keep);
    onTestFinished(() => void process.off('unhandledRejection', keep));
    const { authorization } = gateway.bearer;
    const refused = await rawRequest(gateway.port, `GET ${path} HTTP/1.1`, [`Authorization: ${authorization}`]);
    expect(refused).toMatch(/^HTTP\/1\.1 400 [\s\S]*"code":"validation_failed"/);
    // When this one is over, so is the deadline of the one before.
    const late = await fetch(`${gateway.url}/v1/accounts`, { headers: gateway.bearer });
    expect([late.status, upstream.arrived.length, lost]).toEqual([504, 1, []]);
  });
});

describe('the breaker', () => {
  test('opens on failures, then answers 503 without asking, and is closed within 3 s of the service being back', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url, { routes: [{ ...base, path: '/v1/accounts', deadlineMs: 600 }] });
    const ask = () => fetch(`${gateway.url}/v1/accounts`, { headers: gateway.bearer });
    upstream.answer = () => undefined;
    await Promise.all(Array.from({ length: 10 }, ask));
    const asked = upstream.arrived.length;
    const refused = await ask();
    expect(await problemOf(refused)).toMatchObject({ status: 503, code: 'upstream_unavailable' });
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(upstream.arrived).toHaveLength(asked);

    upstream.answer = (_request, response) => response.end('{}');
    const back = performance.now();
    let status = 0;
    while (status !== 200) {
      expect(performance.now() - back).toBeLessThan(3_000);
      await new Promise((resolve) => setTimeout(resolve, 50));
      status = (await ask()).status;
    }
    const after = await Promise.all(Array.from({ length: 10 }, ask));
    expect(after.map((response) => response.status)).toEqual(Array(10).fill(200));
  });

  test("is not opened by the service's own errors, nor by clients that leave", async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    upstream.answer = (_request, response) => response.writeHead(500).end('{}');
    const ask = () => fetch(`${gateway.url}/v1/accounts`, { headers: gateway.bearer });
    for (let index = 0; index < 20; index += 1) expect((await ask()).status).toBe(500);
    upstream.answer = (_request, response) => void setTimeout(() => response.end('{}'), 150);
    const request = `GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${gateway.bearer.authorization}\r\n\r\n`;
    await Promise.all(Array.from({ length: 20 }, () => sendRaw(gateway.port, request, 50)));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await ask()).status).toBe(200);
  });
});

describe('the bound on exchanges under way', () => {
  async function heldGateway(upstreamConnections: number) {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url, { config: { upstreamConnections } });
    const held: (() => void)[] = [];
    upstream.answer = (_request, response) => void held.push(() => response.end('{}'));
    const statuses: number[] = [];
    const ask = async () => {
      const { status, headers } = await fetch(`${gateway.url}/v1/accounts`, { headers: gateway.bearer });
      statuses.push(status);
      if (status === 503) expect(headers.get('retry-after')).toBe('1');
    };
    return { upstream, held, statuses, ask };
  }

  test('refuses more with 503 while none of those under way is answered, and takes new ones when they are', async () => {
    const { upstream, held, statuses, ask } = await heldGateway(4);
    const asked = Array.from({ length: 12 }, ask);
    // Nothing has come of the service by then: a refusal waits for nobody's answer.
    await eventually(() => expect(statuses).toEqual(Array(8).fill(503)));
    expect([held.length, upstream.arrived.length]).toEqual([4, 4]);
    for (const answer of held) answer();
    await Promise.all(asked);
    upstream.answer = (_request, response) => response.end('{}');
    await Promise.all([ask(), ask(), ask(), ask()]);
    expect(statuses.slice(8)).toEqual(Array(8).fill(200));
  });

  test('control: with a bound that is out of reach all of them wait for the service', async () => {
    const { held, statuses, ask } = await heldGateway(64);
    const asked = Array.from({ length: 12 }, ask);
    await eventually(() => expect(held).toHaveLength(12));
    expect(statuses).toEqual([]);
    for (const answer of held) answer();
    await Promise.all(asked);
    expect(statuses).toEqual(Array(12).fill(200));
  });
});
