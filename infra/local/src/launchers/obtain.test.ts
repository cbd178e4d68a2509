import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { containerArguments, containerImages } from './docker.ts';
import { obtain, type Ways } from './obtain.ts';
import { isReachableByOthers } from './programs.ts';

const running = (url: string) => ({
  url,
  pid: 1,
  port: 1,
  exited: new Promise<string>(() => {}),
  stop: async () => {},
});

function ways(changes: Partial<Ways>): Ways {
  return {
    name: 'RabbitMQ',
    variable: 'AMQP_URL',
    debianPackage: 'rabbitmq-server',
    url: undefined,
    isInstalled: () => false,
    launch: async () => running('launched'),
    isDockerRunning: () => false,
    launchContainer: async () => running('container'),
    canInstall: () => false,
    install: () => {},
    ...changes,
  };
}

describe('a server is obtained', () => {
  const all = { isInstalled: () => true, isDockerRunning: () => true, canInstall: () => true };

  it('by its address first', async () => {
    expect((await obtain(ways({ ...all, url: 'given' }))).url).toBe('given');
  });

  it('else from installed programs', async () => {
    expect((await obtain(ways(all))).url).toBe('launched');
  });

  it('else from a container', async () => {
    expect((await obtain(ways({ ...all, isInstalled: () => false }))).url).toBe('container');
  });

  it('else from a Debian package that it installs', async () => {
    let installed = false;
    const install = vi.fn(() => {
      installed = true;
    });
    const { url } = await obtain(ways({ canInstall: () => true, install, isInstalled: () => installed }));
    expect(url).toBe('launched');
    expect(install).toHaveBeenCalledWith('rabbitmq-server');
  });

  it('else not at all: one line says what to do', async () => {
    const line = 'RabbitMQ is needed: install it (rabbitmq-server), start Docker, or set AMQP_URL to its address.';
    await expect(obtain(ways({}))).rejects.toThrow(line);
    await expect(obtain(ways({ canInstall: () => true }))).rejects.toThrow(line);
  });
});

describe('a container', () => {
  it('is reachable from this machine only and does not stay', () => {
    const args = containerArguments(containerImages.redis, 40_000, 'florin-redis-1');
    expect(args).toContain('127.0.0.1:40000:6379');
    expect(args).toContain('--rm');
    expect(containerImages.redis.url(40_000)).toBe('redis://127.0.0.1:40000');
  });
});

describe('isReachableByOthers', () => {
  it('is what every folder above allows', () => {
    const folder = mkdtempSync(join(tmpdir(), 'florin-reach-'));
    expect(isReachableByOthers(join(folder, 'file'))).toBe(false);
    chmodSync(folder, 0o711);
    expect(isReachableByOthers(join(folder, 'file'))).toBe(isReachableByOthers(folder));
    expect(isReachableByOthers('/usr/bin/env')).toBe(true);
    rmSync(folder, { recursive: true });
  });
});
