import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root, trackedFiles } from './repository.ts';

interface Manifest {
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
}

/** Used by commands or as types of another package, not by an import. */
const usedOtherwise = new Set([
  'typescript',
  'vitest',
  '@types/node',
  '@biomejs/biome',
  '@redocly/cli',
  '@swc/core',
  'turbo',
  '@stryker-mutator/core',
  '@stryker-mutator/vitest-runner',
]);

const files = trackedFiles().filter((file) => !file.includes('/fixtures/violations/'));
const manifests = files.filter((file) => file.endsWith('package.json') && !file.includes('/toolchain/'));

function importedIn(folder: string): string {
  const below = folder === '.' ? '' : `${folder}/`;
  return files
    .filter((file) => file.startsWith(below) && /\.(ts|mjs)$/.test(file))
    .map((file) => readFileSync(join(root, file), 'utf8'))
    .join('\n');
}

describe('dependencies', () => {
  it.each(manifests)('%s names none that nothing uses', (path) => {
    const manifest = JSON.parse(readFileSync(join(root, path), 'utf8')) as Manifest;
    const text = importedIn(dirname(path));
    const isUsed = (name: string) => {
      if (usedOtherwise.has(name)) return true;
      const imported = name.startsWith('@types/') ? name.slice('@types/'.length) : name;
      return text.includes(`'${imported}'`) || text.includes(`'${imported}/`);
    };
    const named = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(named.filter((name) => !isUsed(name))).toEqual([]);
  });
});
