import type { TestProject } from 'vitest/node';
import './server-address.ts';
import { serveTestServers, type TestServers } from './test-servers.ts';

// Each vitest project loads this file for itself, but they share one set of servers.
const shared = globalThis as typeof globalThis & {
  florinTestServers?: { users: number; servers: Promise<TestServers> };
};

/** Offers Postgres, RabbitMQ and Redis to every test of the run; each is started at its first use and stopped at the end. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  shared.florinTestServers ??= { users: 0, servers: serveTestServers() };
  const state = shared.florinTestServers;
  state.users += 1;
  project.provide('florinTestServers', (await state.servers).address);
  return async () => {
    state.users -= 1;
    if (state.users > 0) return;
    delete shared.florinTestServers;
    await (await state.servers).close();
  };
}
