import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root, trackedFiles } from '../repository.ts';
import { schemaFiles } from './schema-files.ts';
import { readAllSettings, settingsTable } from './settings.ts';

const committed = (path: string) => readFileSync(join(root, path), 'utf8');

describe('documents made from code (npm run generate writes them)', () => {
  it('docs/settings.md is what the config schemas say', async () => {
    expect(committed('docs/settings.md')).toBe(settingsTable(await readAllSettings()));
  });

  it('schema.sql of each service is what its migrations make', async () => {
    const files = Object.entries(await schemaFiles());
    expect(files.length).toBeGreaterThanOrEqual(5);
    for (const [path, content] of files) expect(committed(path), path).toBe(content);
  });
});

describe('gateway/openapi.json', () => {
  it('is a valid OpenAPI 3.1 document without lint errors', () => {
    const redocly = join(root, 'infra/checks/node_modules/.bin/redocly');
    const { status, stdout, stderr } = spawnSync(
      redocly,
      ['lint', '--config', join(root, 'infra/checks/redocly.yaml'), join(root, 'gateway/openapi.json')],
      { encoding: 'utf8', env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' } },
    );
    expect(status, stdout + stderr).toBe(0);
  });
});

describe('links in the documents', () => {
  it('lead to files that exist', () => {
    const documents = trackedFiles().filter((file) => file.endsWith('.md'));
    const broken = documents.flatMap((document) =>
      [...committed(document).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
        .map(([, target = '']) => target)
        .filter((target) => !existsSync(join(root, dirname(document), target)))
        .map((target) => `${document}: ${target}`),
    );
    expect(broken).toEqual([]);
  });
});
