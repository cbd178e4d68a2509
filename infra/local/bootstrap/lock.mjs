import { linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

// Longer than any installation takes: by then the process id belongs to another program.
const staleAfterMs = 30 * 60_000;

/**
 * Does the work while no other process holds the lock file, waiting for one that does. The lock of a process that is
 * gone does not count.
 *
 * @template Result
 * @param {string} file
 * @param {() => Promise<Result>} work
 * @param {(pid: number) => void} onWait called once, with the holder
 * @returns {Promise<Result>}
 */
export async function withLock(file, work, onWait = () => {}) {
  for (let waited = false; !tryTake(file); ) {
    const holder = readHolder(file);
    if (holder === undefined) continue;
    if (isGone(file, holder)) {
      removeStale(file, holder);
      continue;
    }
    if (!waited) onWait(holder);
    waited = true;
    await sleep(200);
  }
  try {
    return await work();
  } finally {
    if (readHolder(file) === process.pid) rmSync(file, { force: true });
  }
}

// Linked into place with its content, so that nobody reads an empty lock.
function tryTake(file) {
  const own = `${file}.${process.pid}`;
  writeFileSync(own, String(process.pid));
  try {
    linkSync(own, file);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

function readHolder(file) {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function isGone(file, pid) {
  try {
    process.kill(pid, 0);
    if (isZombie(pid)) return true;
  } catch (error) {
    if (error.code === 'ESRCH') return true;
  }
  try {
    return Date.now() - statSync(file).mtimeMs > staleAfterMs;
  } catch {
    return false;
  }
}

/** One that has ended but that nobody has waited for yet still answers signals. */
function isZombie(pid) {
  if (process.platform !== 'linux') return false;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return /^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return true;
  }
}

// Another waiter may have replaced the stale lock by its own in the meantime: then it is put back.
function removeStale(file, pid) {
  const aside = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  if (readHolder(aside) !== pid) renameSync(aside, file);
  else rmSync(aside, { force: true });
}
