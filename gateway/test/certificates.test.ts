import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { selfSigned } from '@florin/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { problemOf, startGateway } from './harness.ts';
import { startPlainProxy } from './planted.ts';

/** A service over https whose certificate no authority has signed. */
async function startImpostor(): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server: Server = createServer(selfSigned(), ({ url = '' }, response) => {
    asked.push(url);
    response.end('{}');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

describe('a service over https', () => {
  test('whose certificate nobody vouches for gets no request', async () => {
    const { url, asked } = await startImpostor();
    const gateway = await startGateway(url);
    const response = await fetch(`${gateway.url}/v1/me`, { headers: gateway.bearer });
    expect(await problemOf(response)).toMatchObject({ status: 503, code: 'upstream_unavailable' });
    expect(asked).toEqual([]);
  });

  test('control: a plain proxy sends it everything', async () => {
    const { url, asked } = await startImpostor();
    const plain = await startPlainProxy(url);
    expect((await fetch(`${plain.url}/v1/me`)).status).toBe(200);
    expect(asked).toEqual(['/v1/me']);
  });
});
