import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { toolchainEnvironment } from './environment.mjs';
import { installationHash } from './install.mjs';
import { lockfilesFolder, root } from './paths.mjs';
import { reasonIn } from './processes.mjs';
import { stepsOf } from './targets.mjs';
import { binaryOf, isNewEnough, npmCommand, oldestNode } from './toolchain.mjs';

const platforms = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win32-x64'];

describe('the toolchain', () => {
  it.each([
    ['24.16.0', true],
    ['26.0.0', true],
    ['24.15.9', false],
    ['20.20.2', false],
  ])('Node %s is new enough: %s', (version, expected) => {
    expect(isNewEnough(version)).toBe(expected);
  });

  it('asks for the Node that package.json asks for', () => {
    const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(engines.node).toBe(`>=${oldestNode.join('.')}`);
  });

  it.each(['node', 'pnpm'] as const)('the lockfile of %s holds a binary for every platform', (tool) => {
    const { packages } = JSON.parse(readFileSync(join(lockfilesFolder, tool, 'package-lock.json'), 'utf8'));
    for (const target of platforms) {
      const [platform = '', architecture = ''] = target.split('-');
      const binary = binaryOf(tool, platform, architecture).replaceAll('\\', '/');
      const owner = Object.keys(packages).find((folder) => folder !== '' && binary.startsWith(`${folder}/`));
      expect(owner, binary).toBeDefined();
      expect(packages[owner ?? ''].integrity).toMatch(/^sha512-/);
    }
  });

  it('says so where there is no Node from npm', () => {
    expect(() => binaryOf('node', 'sunos', 'x64')).toThrow('install Node.js 24.16 or newer');
  });

  it('calls the npm that called us, but no other package manager', () => {
    expect(npmCommand({ npm_execpath: '/opt/npm/bin/npm-cli.js' })).toEqual([
      process.execPath,
      '/opt/npm/bin/npm-cli.js',
    ]);
    expect(npmCommand({ npm_execpath: '/opt/pnpm/bin/pnpm.cjs' }).join(' ')).not.toContain('pnpm');
  });
});

describe('an old Node', () => {
  it.each(['16.20.2', '12.22.0', '9.0.0'])('%s gets one clear line and status 1', (version) => {
    const entry = pathToFileURL(join(root, 'infra/local/bootstrap.mjs')).href;
    const program = `Object.defineProperty(process.versions, 'node', { value: '${version}' }); import('${entry}')`;
    const { status, stderr } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' });
    expect(stderr).toBe(
      `Florin needs Node.js 18 or newer to begin with (it fetches the one it runs on); this is ${version}.\n`,
    );
    expect(status).toBe(1);
  });

  it('can read the first file: no syntax younger than import()', () => {
    const text = readFileSync(join(root, 'infra/local/bootstrap.mjs'), 'utf8');
    expect(text).not.toMatch(/\?\.|\?\?|^\s*await|node:|^import /m);
  });
});

describe('the environment', () => {
  it('has the toolchain first on PATH and nothing of the npm that called', () => {
    const environment = toolchainEnvironment(
      {
        PATH: '/usr/bin',
        npm_config_prefix: '/x',
        NPM_TOKEN: 'x',
        npm_lifecycle_event: 'start',
        INIT_CWD: '/',
        LANG: 'C',
      },
      ['/node', '/pnpm'],
    );
    expect(environment.PATH?.split(delimiter)).toEqual([
      '/node',
      '/pnpm',
      join(root, 'node_modules', '.bin'),
      '/usr/bin',
    ]);
    expect(environment).toMatchObject({
      LANG: 'C',
      DO_NOT_TRACK: '1',
      NODE_COMPILE_CACHE: join(root, '.florin/compile-cache'),
    });
    expect(Object.keys(environment).filter((name) => /npm|INIT/i.test(name))).toEqual([]);
  });

  it('keeps the name that Windows gives to PATH', () => {
    expect(Object.keys(toolchainEnvironment({ Path: 'C:\\' }, []))).not.toContain('PATH');
  });
});

describe('installing', () => {
  it('is due again after a change of lockfile, workspace or platform', () => {
    const hashes = [
      installationHash('a', 'b', 'linux'),
      installationHash('a2', 'b', 'linux'),
      installationHash('a', 'b2', 'linux'),
      installationHash('a', 'b', 'darwin'),
    ];
    expect(new Set(hashes).size).toBe(4);
    expect(installationHash('a', 'b', 'linux')).toBe(hashes[0]);
  });

  it.each([
    ['npm warn old\nnpm error code ENOTFOUND\nnpm error A complete log is in /x', 'npm error code ENOTFOUND'],
    ['Progress: 1\n ERR_PNPM_OUTDATED_LOCKFILE  Cannot install\n\nNote', 'ERR_PNPM_OUTDATED_LOCKFILE  Cannot install'],
    ['something odd\n', 'something odd'],
    ['', 'no output'],
  ])('of the output %j tells the line that says most', (output, line) => {
    expect(reasonIn(output)).toBe(line);
  });
});

describe('the targets', () => {
  it('of npm test are types, style and tests; with words only those tests', () => {
    expect(stepsOf('test', [])?.map(({ name }) => name)).toEqual(['types', 'style', 'tests']);
    expect(stepsOf('test', ['packages/money'])?.map(({ command }) => command.at(-1))).toEqual(['packages/money']);
  });

  it('pass on what they are given, and unknown ones are refused', () => {
    expect(stepsOf('start:full', [])?.[0]?.command.at(-1)).toBe('--full');
    expect(stepsOf('run', ['node', '--version'])?.[0]?.command).toEqual(['node', '--version']);
    expect(stepsOf('run', [])).toBeUndefined();
    expect(stepsOf('tset', [])).toBeUndefined();
  });
});
