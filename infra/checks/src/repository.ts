import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The top folder of the checkout. */
export const root = join(import.meta.dirname, '../../..');

/**
 * Paths, relative to the top, of all files that belong to the project: those git tracks or would track.
 *
 * @throws when the checkout is not a git repository
 */
export function trackedFiles(): string[] {
  const { status, stdout, stderr } = spawnSync(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', '-z'],
    {
      cwd: root,
      encoding: 'utf8',
    },
  );
  if (status !== 0) throw new Error(`git ls-files failed: ${stderr}`);
  return stdout.split('\0').filter((file) => file !== '' && existsSync(join(root, file)));
}
