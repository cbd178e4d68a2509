import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const intervalMs = 500;

/**
 * Calls back once when whoever started this process is gone. Under npm that is npm, not only the shell that npm puts in
 * between: a SIGTERM to npm ends the shell, a SIGKILL ends npm and leaves the shell.
 *
 * @param {() => void} callback
 * @returns {() => void} stops watching
 */
export function whenOrphaned(callback) {
  const shell = process.ppid;
  const above = process.env.npm_lifecycle_event === undefined ? undefined : parentOf(shell);
  const npm = above !== undefined && isNpm(above) ? above : undefined;
  const timer = setInterval(() => {
    if (process.ppid === shell && (npm === undefined || isStillChild(shell, npm))) return;
    clearInterval(timer);
    callback();
  }, intervalMs);
  return () => clearInterval(timer);
}

/** A process that nobody has waited for yet still answers signals: its children's parent tells the truth. */
function isStillChild(child, parent) {
  if (process.platform === 'linux') return parentOf(child) === parent;
  try {
    process.kill(parent, 0);
    return true;
  } catch {
    return false;
  }
}

function parentOf(pid) {
  if (process.platform === 'linux') {
    // "pid (name) state ppid …": the name may hold anything.
    const stat = readProcess(pid, 'stat');
    return stat === undefined ? undefined : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  }
  return Number(ps(pid, 'ppid')) || undefined;
}

function isNpm(pid) {
  const words = process.platform === 'linux' ? readProcess(pid, 'cmdline')?.replaceAll('\0', ' ') : ps(pid, 'args');
  return /^npm |npm-cli\.[cm]?js/.test(words ?? '');
}

function readProcess(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}

function ps(pid, column) {
  if (process.platform === 'win32') return '';
  return spawnSync('ps', ['-o', `${column}=`, '-p', String(pid)], { encoding: 'utf8' }).stdout?.trim() ?? '';
}
