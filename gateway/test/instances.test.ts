import { describe, expect, test } from 'vitest';
import { answerJson, deadUrl, startGateway, startUpstream, type TestUpstream } from './harness.ts';

/** Two instances of every service, and a gateway in front of them. */
async function startPair() {
  const first = await startUpstream();
  const second = await startUpstream();
  const both: [string, string] = [first.url, second.url];
  const upstreamUrls = { identity: both, accounts: both, transactions: both, notification: both };
  return { first, second, gateway: await startGateway(first.url, { config: { upstreamUrls } }) };
}

const served = ({ arrived }: TestUpstream) => arrived.filter(({ url }) => url !== '/health/ready').length;
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Statuses of so many requests, ten at a time. */
async function ask(url: string, headers: Record<string, string>, count: number, method = 'GET'): Promise<number[]> {
  const statuses: number[] = [];
  while (statuses.length < count) {
    const batch = Array.from({ length: 10 }, () => fetch(`${url}/v1/accounts`, { method, headers }));
    for (const response of await Promise.all(batch)) {
      await response.arrayBuffer();
      statuses.push(response.status);
    }
  }
  return statuses;
}

const all = (status: number, count: number) => Array<number>(count).fill(status);

describe('several instances of a service', () => {
  test('share the requests', async () => {
    const { first, second, gateway } = await startPair();
    expect(await ask(gateway.url, gateway.bearer, 100)).toEqual(all(200, 100));
    expect(served(first) + served(second)).toBe(100);
    expect(Math.min(served(first), served(second))).toBeGreaterThan(20);
  });

  test('one that says it is not ready gets no more within two seconds, and gets some when it is ready again', async () => {
    const { first, second, gateway } = await startPair();
    const leave = first.answer;
    first.answer = (request, response) =>
      request.url === '/health/ready' ? answerJson(response, 503, {}) : leave(request, response);
    await wait(1_500);
    const before = served(first);
    expect(await ask(gateway.url, gateway.bearer, 50)).toEqual(all(200, 50));
    expect([served(first) - before, served(second) >= 50]).toEqual([0, true]);
    first.answer = leave;
    await wait(1_500);
    await ask(gateway.url, gateway.bearer, 50);
    expect(served(first)).toBeGreaterThan(before);
  });

  test('one that is gone costs at most the requests that it had; the next ones go to the other', async () => {
    const { first, second, gateway } = await startPair();
    await first.stop();
    const statuses = await ask(gateway.url, gateway.bearer, 100);
    expect(statuses.slice(20)).toEqual(all(200, 80));
    expect(served(second)).toBeGreaterThanOrEqual(80);
  });

  test('a POST that one of them broke off is not sent to the other', async () => {
    const { first, second, gateway } = await startPair();
    for (const upstream of [first, second]) {
      const ready = upstream.answer;
      upstream.answer = (request, response) =>
        request.url === '/health/ready' ? ready(request, response) : void response.destroy();
    }
    const response = await fetch(`${gateway.url}/v1/accounts`, { method: 'POST', headers: gateway.bearer });
    expect(response.status).toBe(503);
    await wait(300);
    expect(served(first) + served(second)).toBe(1);
  });

  test('all away: 503, and served again when one is back', async () => {
    const dead: [string, string] = [await deadUrl(), await deadUrl()];
    const upstreamUrls = { identity: dead, accounts: dead, transactions: dead, notification: dead };
    const gateway = await startGateway(dead[0], { config: { upstreamUrls } });
    expect(await ask(gateway.url, gateway.bearer, 10)).toEqual(all(503, 10));
    await startUpstream(Number(new URL(dead[1]).port));
    await wait(1_500);
    // The breaker lets one pass for a trial first.
    await fetch(`${gateway.url}/v1/accounts`, { headers: gateway.bearer });
    expect(await ask(gateway.url, gateway.bearer, 20)).toEqual(all(200, 20));
  });
});
