import { join } from 'node:path';
import { root } from './paths.mjs';

const start = join('infra', 'local', 'src', 'start.ts');
// Ends the run when whoever started it is gone, even by SIGKILL.
const guarded = ['--import', './infra/local/src/exit-with-parent.ts'];
const vitest = ['node', ...guarded, join('node_modules', 'vitest', 'vitest.mjs'), 'run'];

/**
 * The commands of the bootstrap. All steps of a target run, also after one has failed.
 *
 * @param {string} name
 * @param {string[]} rest further words of the command line
 * @returns {{ name: string, command: string[] }[] | undefined} undefined: there is no such command
 */
export function stepsOf(name, rest) {
  switch (name) {
    case 'install':
      return [];
    case 'start':
      return [{ name: 'fleet', command: ['node', start, ...rest] }];
    case 'start:full':
      return [{ name: 'fleet', command: ['node', start, '--full', ...rest] }];
    case 'generate':
      return generated;
    case 'verify':
      return [{ name: 'verify', command: ['node', join('infra', 'local', 'src', 'verify.ts')] }];
    case 'rotate-keys':
      return [{ name: 'keys', command: ['node', join('infra', 'local', 'src', 'rotate-keys.ts'), ...rest] }];
    case 'run':
      return rest.length === 0 ? undefined : [{ name: rest[0], command: rest }];
    case 'test':
      return rest.length === 0 ? everything : [{ name: 'tests', command: [...vitest, ...rest] }];
    default:
      return undefined;
  }
}

const everything = [
  { name: 'types', command: ['pnpm', 'exec', 'turbo', 'run', 'typecheck', '--output-logs=errors-only'] },
  { name: 'style', command: ['pnpm', 'exec', 'biome', 'check', '.'] },
  { name: 'tests', command: vitest },
];

// The gateway's document is merged from those of the services.
const generated = ['./services/*', './gateway', './infra/checks'].map((folder) => ({
  name: `documents of ${folder}`,
  command: ['pnpm', '--filter', folder, 'run', 'generate'],
}));

/** Where every step runs. */
export const stepFolder = root;
