import { execFileSync } from 'node:child_process';
import { chownSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, isReachableByOthers } from './programs.ts';

/** Who runs Postgres: it refuses root. */
export interface PostgresUser {
  /** Switch to this user and group; undefined stays as we are. */
  uid?: number;
  /** Words to put before the command. */
  prefix: string[];
}

const nobody = 65_534;

/**
 * Postgres refuses to run as root. Root therefore runs it as the owner of its folder, or as nobody; where other users
 * cannot reach the files (a checkout under /root), as root that looks like nobody in a user namespace of its own.
 *
 * @throws Error with one line when root has neither way
 */
export function postgresUser(binary: string, folder: string): PostgresUser {
  if (process.getuid?.() !== 0) return { prefix: [] };
  if (isReachableByOthers(binary) && isReachableByOthers(join(folder, 'data'))) {
    return { uid: statSync(folder).uid || nobody, prefix: [] };
  }
  const unshare = findProgram('unshare');
  const prefix = [unshare ?? '', '-U', `--map-user=${nobody}`, `--map-group=${nobody}`, '--'];
  try {
    if (unshare === undefined) throw new Error('no unshare');
    execFileSync(unshare, [...prefix.slice(1), 'true'], { stdio: 'ignore' });
    return { prefix };
  } catch {
    throw new Error(
      `Postgres refuses to run as root and no other user can reach ${folder}: run as an ordinary user, or set DATABASE_URL.`,
    );
  }
}

/** Makes the user own a data folder; walks it only when its top belongs to someone else. */
export function giveFolderTo(user: PostgresUser, folder: string): void {
  const own = process.getuid?.();
  const uid = user.uid ?? own;
  if (own !== 0 || uid === undefined || statSync(folder).uid === uid) return;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) chownSync(join(entry.parentPath, entry.name), uid, uid);
  }
  // Last, so that a walk that was interrupted is done again.
  chownSync(folder, uid, uid);
}
