import { writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** Others go first, about ten to one: who logs in on a busy machine waits, but not for ever. */
const niceness = constants.priority.PRIORITY_BELOW_NORMAL;

/** Linux takes one such change in 100 ms from all of those who are not root. */
const againMs = 120;

/**
 * Lowers the priority of this process, and of the session that it leads: Linux shares the cores among sessions
 * (autogroups) before it looks at the processes in them. Threads take the priority of the one that starts them, so this
 * comes before the first work. Where sessions don't count, or cannot be changed, the process alone is lowered.
 */
export async function lowerPriority(): Promise<void> {
  setPriority(niceness);
  if (process.platform !== 'linux') return;
  for (let attempt = 0; attempt < 20; attempt += 1) {
    try {
      return writeFileSync('/proc/self/autogroup', String(niceness));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
    }
    await sleep(againMs);
  }
}
