import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { launchPostgres, type ObtainedServer, obtainRabbitmq, obtainRedis, obtainTestPostgres } from '@florin/local';
import { dropDatabases } from './drop-databases.ts';
import type { ServerAddress } from './server-address.ts';

/** The servers of one test run. */
export interface TestServers {
  /** Address to ask for a server's URL: `<address>/postgres`, `/rabbitmq` or `/redis`. */
  address: string;
  /** Stops what was started and, on a server that is not ours, drops the run's databases. */
  close(): Promise<void>;
}

const ways: Record<string, () => Promise<ObtainedServer>> = {
  postgres: () => obtainTestPostgres(process.env, launchPostgres),
  rabbitmq: obtainRabbitmq,
  redis: obtainRedis,
};

/**
 * Serves the addresses of the run's servers on a local port. A server is started when it is first asked for, so a run
 * without broker tests does not wait for a broker.
 */
export async function serveTestServers(): Promise<TestServers> {
  const run = randomBytes(4).toString('hex');
  const obtained = new Map<string, Promise<ObtainedServer>>();
  const http = createServer((request, reply) => {
    const name = (request.url ?? '').slice(1);
    const way = ways[name];
    if (way === undefined) {
      reply.writeHead(404).end();
      return;
    }
    const server = obtained.get(name) ?? way();
    obtained.set(name, server);
    server.then(
      ({ url }) => reply.end(JSON.stringify({ url, run } satisfies ServerAddress)),
      (error) => reply.writeHead(500).end(error instanceof Error ? error.message : String(error)),
    );
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const address = http.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    address: `http://127.0.0.1:${port}`,
    close: async () => {
      http.closeAllConnections();
      http.close();
      const running = await Promise.allSettled(obtained.values());
      const postgres = await obtained.get('postgres')?.catch(() => undefined);
      if (postgres !== undefined && postgres.pid === undefined) await dropDatabases(postgres.url, `florin_test_${run}`);
      await Promise.all(running.map((server) => (server.status === 'fulfilled' ? server.value.stop() : undefined)));
    },
  };
}
