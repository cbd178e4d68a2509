import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files below FLORIN_HOME. */
export function homeFiles(home: string) {
  return {
    fleet: join(home, 'fleet.json'),
    secrets: join(home, 'secrets.json'),
    demo: join(home, 'demo.json'),
    lock: join(home, 'fleet.lock'),
    logs: join(home, 'logs'),
    postgres: join(home, 'postgres'),
    rabbitmq: join(home, 'rabbitmq'),
    redis: join(home, 'redis'),
    monitoring: join(home, 'monitoring'),
    mail: join(home, 'mail'),
  };
}

/** What was found when the home was taken. */
export interface TakenHome {
  /** The last fleet here was killed: its processes may be ending right now. */
  wasKilled: boolean;
  /** Gives it to others; removes a temporary one. */
  release(): void;
}

/**
 * Makes the home this process's alone.
 *
 * @throws Error with one line when a fleet runs there, or when a temporary home holds something: it would be removed
 */
export function takeHome(home: string, temporary = false): TakenHome {
  if (temporary && existsSync(home) && readdirSync(home).length > 0) {
    throw new Error(`${home} is not empty; FLORIN_TEMPORARY=on needs an empty FLORIN_HOME, since it removes it.`);
  }
  const { lock, logs, fleet } = homeFiles(home);
  mkdirSync(logs, { recursive: true });
  const wasKilled = existsSync(fleet) || existsSync(lock);
  const own = `${lock}.${process.pid}`;
  writeFileSync(own, String(process.pid));
  try {
    const holder = holderOf(lock);
    if (holder !== undefined && holder !== process.pid && isAlive(holder)) {
      throw new Error(
        `Florin already runs in ${home} (process ${holder}); stop it or set FLORIN_HOME to another folder.`,
      );
    }
    rmSync(lock, { force: true });
    linkSync(own, lock);
  } finally {
    rmSync(own, { force: true });
  }
  rmSync(fleet, { force: true });
  const left = temporary ? home : lock;
  return { wasKilled, release: () => rmSync(left, { recursive: true, force: true, maxRetries: 5 }) };
}

function holderOf(lock: string): number | undefined {
  try {
    return Number(readFileSync(lock, 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  // One that has ended but that nobody has waited for yet still answers signals.
  return !isZombie(pid);
}

function isZombie(pid: number): boolean {
  if (process.platform !== 'linux') return false;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return /^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return true;
  }
}
