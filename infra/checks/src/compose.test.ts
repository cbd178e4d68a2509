import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { v8Options } from '@florin/local';
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ComposeFile, type Container } from './compose-schema.ts';
import { services } from './generate/services.ts';
import { readAllSettings } from './generate/settings.ts';
import { root } from './repository.ts';

const text = readFileSync(join(root, 'docker-compose.full-stack.yml'), 'utf8');
const compose = parse(text, { merge: true }) as { services: Record<string, Container> };
const prometheus = readFileSync(join(root, 'monitoring/prometheus/prometheus.yml'), 'utf8');

describe('docker-compose.full-stack.yml', () => {
  it('fits the part of the Compose specification that it uses', () => {
    const [first] = Value.Errors(ComposeFile, parse(text, { merge: true }));
    expect(first).toBeUndefined();
  });

  it.each(services)('$name gets settings that it has, and all that it requires', async ({ name, folder }) => {
    const container = compose.services[name];
    const settings = (await readAllSettings()).filter(({ process }) => process === name);
    const given = Object.keys(container?.environment ?? {}).filter((variable) => !variable.startsWith('OTEL_'));
    const known = settings.map((setting) => setting.name);
    const shared = ['BUS_URL', 'IDENTITY_URL', 'TOKEN_ISSUER'];
    expect(given.filter((variable) => !known.includes(variable) && !shared.includes(variable))).toEqual([]);
    expect(settings.filter((setting) => setting.required && !given.includes(setting.name))).toEqual([]);
    expect(container?.build?.args).toEqual({ PACKAGE: `@florin/${name}`, FOLDER: folder });
  });

  it.each(services)('$name listens where its health check and Prometheus look', async ({ name }) => {
    const settings = (await readAllSettings()).filter(({ process }) => process === name);
    const port = settings.find((setting) => setting.name === 'PORT')?.default;
    const metrics = settings.find((setting) => setting.name === 'METRICS_PORT')?.default ?? port;
    expect(compose.services[name]?.environment?.PORT).toBe(port);
    expect(compose.services[name]?.healthcheck?.test.join(' ')).toContain(`http://127.0.0.1:${port}/health/ready`);
    expect(prometheus).toContain(`'${name}:${metrics}'`);
  });

  it.each(services)('$name is started alike by its package, its image and npm start', ({ folder }) => {
    const dockerfile = readFileSync(join(root, 'infra/docker/Dockerfile'), 'utf8');
    const supervisor = readFileSync(join(root, 'infra/local/src/fleet/managed-process.ts'), 'utf8');
    const { scripts } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const command = JSON.parse(/^CMD (.*)$/m.exec(dockerfile)?.[1] ?? '[]') as string[];
    expect(scripts.start).toBe(command.join(' '));
    expect(command.slice(1, 1 + v8Options.length)).toEqual(v8Options);
    for (const word of command.slice(1 + v8Options.length)) expect(supervisor).toContain(`'${word}'`);
  });

  it('takes every secret from .env.example, and nothing from there is unused', () => {
    const used = new Set([...text.matchAll(/\$\{([A-Z_]+)\}/g)].map(([, name]) => name));
    const offered = readFileSync(join(root, '.env.example'), 'utf8').matchAll(/^([A-Z_]+)=/gm);
    expect(new Set([...offered].map(([, name]) => name))).toEqual(used);
  });

  it('pins every image', () => {
    for (const [name, { image }] of Object.entries(compose.services)) {
      if (image && !image.startsWith('florin-')) expect(image, name).toMatch(/:v?\d+\.\d+/);
    }
  });
});
