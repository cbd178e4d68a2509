import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@florin/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

let server: Server;
let proxy: TcpProxy;
let received: Buffer[];
let client: Socket;
/** Whole text that has come back. */
let echoed: string;

beforeEach(async () => {
  received = [];
  echoed = '';
  server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      received.push(chunk);
      socket.write(chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  proxy = await startTcpProxy(`echo://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`);
  client = connect(Number(new URL(proxy.url).port), '127.0.0.1').setNoDelay(true);
  client.on('error', () => {});
  client.on('data', (chunk) => {
    echoed += chunk;
  });
  await once(client, 'connect');
  await say('hello');
});
afterEach(async () => {
  client.destroy();
  await proxy.close();
  server.close();
});

async function say(text: string): Promise<void> {
  client.write(text);
  await eventually(() => expect(echoed.endsWith(text)).toBe(true));
}

const sent = () => Buffer.concat(received).toString();

describe('the proxy of the fault suite', () => {
  test('passes everything on, also more than its buffers hold', async () => {
    const much = 'x'.repeat(5_000_000);
    await say(much);
    expect(sent()).toBe(`hello${much}`);
    expect(proxy.connections).toBe(1);
  });

  test('latency: each piece comes late', async () => {
    proxy.disturb({ kind: 'latency', ms: 150 });
    const startedAt = performance.now();
    await say('late');
    // Once on the way there and once on the way back.
    expect(performance.now() - startedAt).toBeGreaterThan(290);
    proxy.calm();
  });

  test('slicing: the same bytes in the same order, in small pieces', async () => {
    proxy.disturb({ kind: 'slicing', bytes: 7 });
    received = [];
    await say('a text that is longer than seven bytes');
    expect(received.length).toBeGreaterThan(1);
    expect(sent()).toBe('a text that is longer than seven bytes');
  });

  test.each(['to-server', 'to-client'] as const)('silence %s: open and mute until it is over', async (direction) => {
    proxy.disturb({ kind: 'silence', direction });
    client.write('anybody?');
    await sleep(200);
    expect(sent()).toBe(direction === 'to-server' ? 'hello' : 'helloanybody?');
    expect(echoed).toBe('hello');
    expect(client.closed).toBe(false);
    proxy.calm();
    await eventually(() => expect(echoed).toBe('helloanybody?'));
  });

  test('reset: connections break with ECONNRESET, and new ones are taken', async () => {
    const broken = once(client, 'error') as unknown as Promise<[{ code: string }]>;
    proxy.reset();
    expect((await broken)[0].code).toBe('ECONNRESET');
    const again = connect(Number(new URL(proxy.url).port), '127.0.0.1');
    await once(again, 'connect');
    again.end('again');
    await eventually(() => expect(sent()).toBe('helloagain'));
  });
});
