import { inject } from 'vitest';
import type { ServerAddress } from './server-address.ts';

const known = new Map<string, Promise<ServerAddress>>();

async function ask(name: string): Promise<ServerAddress> {
  const reply = await fetch(`${inject('florinTestServers')}/${name}`);
  const text = await reply.text();
  if (!reply.ok) throw new Error(text);
  return JSON.parse(text) as ServerAddress;
}

/** The run's server of that name, asked for once per test file. */
export function serverAddress(name: 'postgres' | 'rabbitmq' | 'redis'): Promise<ServerAddress> {
  const address = known.get(name) ?? ask(name);
  known.set(name, address);
  return address;
}

/** A superuser's address on the run's Postgres; the database in it is not for tests: see `createTestDatabase`. */
export async function testPostgresUrl(): Promise<string> {
  return (await serverAddress('postgres')).url;
}

/** Address of the run's RabbitMQ. The first call of a run may take five seconds. Use a namespace of your own on it. */
export async function testAmqpUrl(): Promise<string> {
  return (await serverAddress('rabbitmq')).url;
}

/** Address of the run's Redis. Use a key prefix or database number of your own on it. */
export async function testRedisUrl(): Promise<string> {
  return (await serverAddress('redis')).url;
}
