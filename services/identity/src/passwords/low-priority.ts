import { writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** As low as there is: `createAdaptiveHasher` sees to those whom a busy machine leaves no time. */
const niceness = constants.priority.PRIORITY_LOW;

/** Linux takes one such change in 100 ms from all of those who are not root. */
const againMs = 120;

/** sched_setattr(2), by processor. */
const setAttributes: Readonly<Record<string, bigint>> = { x64: 314n, arm64: 274n };
/** The longest that Linux grants, in nanoseconds. */
const longestSlice = 100_000_000n;

/**
 * Lowers the priority of this process, and of the session that it leads: Linux shares the cores among sessions
 * (autogroups) before it looks at the processes in them. Threads take the priority of the one that starts them, so this
 * comes before the first work. Where sessions don't count, or cannot be changed, the process alone is lowered.
 */
export async function lowerPriority(): Promise<void> {
  setPriority(niceness);
  if (process.platform !== 'linux') return;
  lengthenSlice();
  for (let attempt = 0; attempt < 20; attempt += 1) {
    try {
      return writeFileSync('/proc/self/autogroup', String(niceness));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
    }
    await sleep(againMs);
  }
}

/**
 * Asks for long turns of the processor, which we never get to the end of: since Linux 6.12 whoever wakes up and wants shorter
 * ones, as everybody does by default, takes the core from us at once. However low our priority, it would otherwise keep the
 * core until the next tick of the scheduler, which is up to 4 ms where there are 250 a second.
 *
 * There is no other way to it from Node than `node:ffi`, which is experimental: where it or the call is missing, it stays at the
 * priority. Older kernels take the call and leave it at that.
 */
function lengthenSlice(): void {
  const number = setAttributes[process.arch];
  const ffi = process.getBuiltinModule('node:ffi');
  if (number === undefined || ffi === undefined) return;
  // struct sched_attr: size, policy (SCHED_OTHER), flags, niceness, priority, then the slice.
  const attributes = Buffer.alloc(48);
  attributes.writeUInt32LE(attributes.length, 0);
  attributes.writeInt32LE(niceness, 16);
  attributes.writeBigUInt64LE(longestSlice, 24);
  try {
    const { functions } = ffi.dlopen(null, {
      syscall: { arguments: ['int64', 'int64', 'buffer', 'int64'], return: 'int64' },
    });
    functions.syscall(number, 0n, attributes, 0n);
  } catch {
    // The low priority has to do.
  }
}
