import type { AddressInfo } from 'node:net';
import httpProxy from '@fastify/http-proxy';
import Fastify from 'fastify';
import { onTestFinished } from 'vitest';

/**
 * The control of every table of attacks here: a proxy as Fastify makes it by default, without any plugin of the gateway. What
 * the gateway withstands must get through it, or the table would prove nothing. Stopped when the test ends.
 */
export async function startPlainProxy(upstreamUrl: string): Promise<{ url: string; port: number }> {
  const app = Fastify();
  await app.register(httpProxy, { upstream: upstreamUrl });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(async () => {
    const closed = app.close();
    app.server.closeAllConnections();
    await closed;
  });
  return { url, port: (app.server.address() as AddressInfo).port };
}
