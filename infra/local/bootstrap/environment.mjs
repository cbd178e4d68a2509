import { delimiter, join } from 'node:path';
import { cacheFolder, root } from './paths.mjs';

/**
 * The environment for everything that runs on the toolchain: its folders first on PATH, and no trace of the npm that
 * called us (its npm_* variables change what pnpm does).
 *
 * @param {NodeJS.ProcessEnv} environment
 * @param {string[]} folders of Node and pnpm
 * @returns {NodeJS.ProcessEnv}
 */
export function toolchainEnvironment(environment, folders) {
  const kept = Object.entries(environment).filter(([name]) => !/^npm_/i.test(name) && name !== 'INIT_CWD');
  const result = Object.fromEntries(kept);
  // Windows calls it Path.
  const pathName = Object.keys(result).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH';
  const path = [...folders, join(root, 'node_modules', '.bin'), result[pathName] ?? ''];
  return {
    ...result,
    [pathName]: path.join(delimiter),
    DO_NOT_TRACK: '1',
    NODE_COMPILE_CACHE: environment.NODE_COMPILE_CACHE ?? join(cacheFolder, 'compile-cache'),
  };
}
