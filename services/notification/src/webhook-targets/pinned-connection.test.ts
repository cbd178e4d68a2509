import { once } from 'node:events';
import { request } from 'node:http';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Receiver, startReceiver } from '../testing/receiver.ts';
import { guardConnection, onlyThese } from './pinned-connection.ts';
import { type Address, TargetRefused } from './resolve-host.ts';

let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

const loopback: Address = { address: '127.0.0.1', family: 4 };
const elsewhere: Address = { address: '93.184.216.34', family: 4 };

/** Posts to a host while these addresses are the ones that were checked. */
async function post(host: string, checked: readonly Address[], looked = checked): Promise<string> {
  const { port } = new URL(receiver.url);
  const options = { host, port, method: 'POST', agent: false, lookup: onlyThese(looked) } as const;
  const outgoing = request(options);
  guardConnection(outgoing, checked);
  outgoing.end('body');
  return await Promise.race([
    once(outgoing, 'response').then(() => 'answered'),
    once(outgoing, 'never').then(() => 'never'),
  ]).catch((error: unknown) => (error instanceof TargetRefused ? 'refused' : 'failed'));
}

it('a connection goes to an address that was checked, whatever the name', async () => {
  expect(await post('example.com', [loopback])).toBe('answered');
  expect(receiver.received).toHaveLength(1);
});

it('one that has come elsewhere ends before anything is sent', async () => {
  // An address is not looked up: here nothing but the last look stands between.
  expect(await post('127.0.0.1', [elsewhere])).toBe('refused');
  expect(await post('example.com', [elsewhere], [loopback])).toBe('refused');
  expect(receiver.connections()).toBe(2);
  expect(receiver.received).toEqual([]);
});
