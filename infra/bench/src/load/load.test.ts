import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { load } from './load.ts';
import type { Calls } from './order.ts';

const servers: { close(): void; closeAllConnections(): void }[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const transfers: Calls = { kind: 'transfers', tokens: ['one', 'two'], shape: 'spread', accounts: 100 };
const short = { connections: 2, seconds: 1, warmUpSeconds: 0 };

describe('load generator', () => {
  test('each transfer is whole, has a key of its own and the token of its account’s owner', async () => {
    const keys: unknown[] = [];
    const wrong: unknown[] = [];
    const target = await serve(async (request, reply) => {
      const body = (await request.toArray()).join('');
      keys.push(request.headers['idempotency-key']);
      const { from, to } = JSON.parse(body) as { from: string; to: string };
      // Account n is `acc_…`, n in its last five bits: that decides whose it is.
      const owner = '0123456789abcdefghjkmnpqrstvwxyz'.indexOf(from.slice(-1)) % 2 === 0 ? 'one' : 'two';
      if (request.headers.authorization !== `Bearer ${owner}` || from === to) wrong.push(body);
      // In pieces, and without a length.
      reply.writeHead(201).write('{"id"');
      setTimeout(() => reply.end(':1}'), 5);
    });
    const result = await load({ ...short, target, calls: transfers });
    expect(wrong).toEqual([]);
    expect(result.others).toEqual({});
    expect(result.answers).toBeGreaterThan(20);
    expect(new Set(keys).size).toBe(keys.length);
    expect(result.p50).toBeGreaterThan(4);
  });

  test('a rate is kept, and a server that stalls makes the calls behind it late', async () => {
    let count = 0;
    const target = await serve((_request, reply) => {
      count += 1;
      setTimeout(() => reply.writeHead(201).end('{}'), count === 10 ? 400 : 0);
    });
    const result = await load({ ...short, connections: 1, rate: 50, target, calls: transfers });
    // As fast as it can would be thousands; a busy machine may fall short of the rate.
    expect(result.perSecond).toBeLessThan(60);
    // Twenty calls were due while one took 400 ms.
    expect(result.p99).toBeGreaterThan(350);
  });

  test('other answers and broken connections are counted apart', async () => {
    let count = 0;
    const target = await serve((request, reply) => {
      count += 1;
      if (count % 2 === 0) request.socket.destroy();
      else setTimeout(() => reply.writeHead(503).end('{}'), 5);
    });
    const { answers, others } = await load({ ...short, target, calls: transfers });
    expect(answers).toBe(0);
    expect(others[503]).toBeGreaterThan(0);
    expect(others[0]).toBeGreaterThan(0);
  });
});
