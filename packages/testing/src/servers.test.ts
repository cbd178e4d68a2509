import { connect } from 'node:net';
import pg from 'pg';
import { expect, it } from 'vitest';
import { testAmqpUrl, testPostgresUrl, testRedisUrl } from './index.ts';

function talk(url: string, request: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: new URL(url).hostname, port: Number(new URL(url).port) });
    socket.once('connect', () => socket.write(request));
    socket.once('error', reject);
    socket.once('data', (data) => {
      socket.destroy();
      resolve(data.toString('latin1'));
    });
  });
}

it('Postgres keeps synchronous_commit on, though fsync may be off', async () => {
  const client = new pg.Client({ connectionString: await testPostgresUrl() });
  await client.connect();
  expect((await client.query('show synchronous_commit')).rows).toEqual([{ synchronous_commit: 'on' }]);
  await client.end();
});

it('Redis answers', async () => {
  expect(await talk(await testRedisUrl(), Buffer.from('PING\r\n'))).toBe('+PONG\r\n');
});

it('RabbitMQ answers', async () => {
  expect(await talk(await testAmqpUrl(), Buffer.from('AMQP\x00\x00\x09\x01', 'latin1'))).toContain('RabbitMQ');
});
