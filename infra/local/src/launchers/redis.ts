import { mkdirSync, mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLeashed } from './leashed.ts';
import { freePort, waitForPort } from './ports.ts';
import type { RunningServer } from './postgres.ts';
import { findProgram, plainEnvironment } from './programs.ts';

/** How a private server is started. */
export interface ServerOptions {
  /** Folder for lasting data; without it the data is temporary and removed at the stop. */
  folder?: string;
  /** Default: a free one. */
  port?: number;
}

/** True when a Redis server is installed here. */
export function isRedisInstalled(): boolean {
  return findProgram('redis-server') !== undefined;
}

/**
 * Starts the installed Redis on 127.0.0.1 for this process alone, without persistence: Florin keeps nothing in it that
 * may not be lost.
 *
 * @throws Error when it is not installed or does not start
 */
export async function launchRedis(options: ServerOptions = {}): Promise<RunningServer> {
  const program = findProgram('redis-server');
  if (program === undefined) throw new Error('Redis is not installed: no redis-server found.');
  const folder = options.folder ?? mkdtempSync(join(realpathSync(tmpdir()), 'florin-redis-'));
  mkdirSync(folder, { recursive: true });
  const port = options.port ?? (await freePort());
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const server = await startLeashed({
    commands: [{ file: program, args: settings }],
    cwd: folder,
    env: plainEnvironment(),
    logFile: join(folder, 'redis.log'),
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 5000,
    removeFolders: options.folder === undefined ? [folder] : [],
  });
  try {
    await waitForPort(port, 10_000, server.failed);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { url: `redis://127.0.0.1:${port}`, port, pid: server.pid, exited: server.exited, stop: server.stop };
}
