import { execFileSync } from 'node:child_process';
import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLeashed } from './leashed.ts';
import { freePort, waitForPort } from './ports.ts';
import type { RunningServer } from './postgres.ts';
import { findProgram } from './programs.ts';

/** A server that can run in a container. */
export interface ContainerImage {
  name: 'rabbitmq' | 'redis';
  image: string;
  /** The port inside. */
  port: number;
  url(port: number): string;
}

/** The images of compose, one line per server. */
export const containerImages: Record<'rabbitmq' | 'redis', ContainerImage> = {
  rabbitmq: {
    name: 'rabbitmq',
    image: 'rabbitmq:4.1-alpine',
    port: 5672,
    url: (port) => `amqp://guest:guest@127.0.0.1:${port}`,
  },
  redis: { name: 'redis', image: 'redis:8-alpine', port: 6379, url: (port) => `redis://127.0.0.1:${port}` },
};

/** True when a Docker engine answers; the client alone is not enough. */
export function isDockerRunning(): boolean {
  const docker = findProgram('docker');
  if (docker === undefined) return false;
  try {
    execFileSync(docker, ['version', '--format', '{{.Server.Version}}'], { stdio: 'ignore', timeout: 5000 });
    return true;
  } catch {
    return false;
  }
}

/** Arguments of `docker` that run a server in the foreground, on 127.0.0.1 only, removed when it ends. */
export function containerArguments(image: ContainerImage, port: number, name: string): string[] {
  return ['run', '--rm', '--init', '--name', name, '--publish', `127.0.0.1:${port}:${image.port}`, image.image];
}

/**
 * Starts a server in a container that ends with this process.
 *
 * @throws Error when Docker refuses or the server does not answer within two minutes (a first pull takes a while)
 */
export async function launchContainer(image: ContainerImage): Promise<RunningServer> {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), `florin-${image.name}-`));
  const port = await freePort();
  const args = containerArguments(image, port, `florin-${image.name}-${process.pid}-${port}`);
  const server = await startLeashed({
    commands: [{ file: findProgram('docker') ?? 'docker', args }],
    cwd: folder,
    env: process.env,
    logFile: join(folder, `${image.name}.log`),
    // The client passes SIGTERM on to the container.
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 15_000,
    removeFolders: [folder],
  });
  try {
    await waitForPort(port, 120_000, server.failed);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { url: image.url(port), port, pid: server.pid, exited: server.exited, stop: server.stop };
}
