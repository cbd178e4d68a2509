import { connect as connectSocket, createServer } from 'node:net';
import { eventually, testAmqpUrl } from '@florin/testing';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { openConnection } from './connection.ts';

// Classes and methods as they stand in a frame (AMQP 0-9-1).
const channelClose = Buffer.from([0, 20, 0, 40]);

/** A way to the broker on which a connection is lost as it closes its first channel, so many times. */
async function startLossyDoor(target: string, times: number) {
  const { hostname, port } = new URL(target);
  let lost = 0;
  const server = createServer((inner) => {
    const outer = connectSocket(Number(port), hostname);
    const end = () => [inner, outer].forEach((socket) => void socket.destroy());
    for (const socket of [inner, outer]) socket.on('error', end).on('close', end);
    outer.pipe(inner);
    inner.on('data', (chunk: Buffer) => {
      if (lost === times || !chunk.includes(channelClose)) return void outer.write(chunk);
      lost += 1;
      inner.resetAndDestroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String(typeof address === 'object' ? address?.port : '');
  return { url: url.href, lost: () => lost, close: () => server.close() };
}

test('connections that are lost while the topology is declared do not end the attempts', async () => {
  const door = await startLossyDoor(await testAmqpUrl(), 2);
  const logger = pino({ level: 'silent' });
  const settings = { url: door.url, namespace: `lossy-${process.pid}`, retryDelaysMs: [100], logger };
  const connection = openConnection(settings, 'test');
  try {
    await eventually(() => expect(connection.hindrance()).toBeUndefined(), { timeoutMs: 20_000 });
    expect(door.lost()).toBe(2);
  } finally {
    await connection.close();
    door.close();
  }
}, 40_000);
