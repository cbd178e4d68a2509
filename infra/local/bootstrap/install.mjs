import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.mjs';
import { capture, Failure } from './processes.mjs';

const marker = join(root, 'node_modules', '.florin-installed');

/**
 * What the installed packages depend on.
 *
 * @param {string} lockfile content of pnpm-lock.yaml
 * @param {string} workspace content of pnpm-workspace.yaml
 * @param {string} platform
 * @returns {string}
 */
export function installationHash(lockfile, workspace, platform) {
  return createHash('sha256')
    .update(JSON.stringify([lockfile, workspace, platform]))
    .digest('hex');
}

/**
 * Installs the workspace's packages as the lockfile says, unless that is what is installed already.
 *
 * @param {string} pnpm
 * @param {NodeJS.ProcessEnv} env
 * @param {(line: string) => void} say
 * @throws {Failure}
 */
export function ensurePackages(pnpm, env, say) {
  const [lockfile, workspace] = ['pnpm-lock.yaml', 'pnpm-workspace.yaml'].map((file) =>
    readFileSync(join(root, file), 'utf8'),
  );
  const hash = installationHash(lockfile, workspace, `${process.platform}-${process.arch}`);
  if (existsSync(marker) && readFileSync(marker, 'utf8') === hash) return;
  say('installing packages');
  rmSync(marker, { force: true });
  const result = capture(pnpm, ['install', '--frozen-lockfile'], { cwd: root, env: { ...env, CI: 'true' } });
  if (result.failed) throw new Failure(`pnpm could not install the packages: ${result.reason}`);
  writeFileSync(marker, hash);
}
