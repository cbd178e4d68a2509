import { writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** As low as there is: `createAdaptiveHasher` sees to those whom a busy machine leaves no time. */
const niceness = constants.priority.PRIORITY_LOW;

/** Linux takes one such change in 100 ms from all of those who are not root. */
const againMs = 120;

/** sched_setattr(2), by processor. */
const setAttributes: Readonly<Record<string, bigint>> = { x64: 314n, arm64: 274n };
/** From sched(7). */
const policies = { other: 0, idle: 5 };
/**
 * In nanoseconds: more than anybody has by default (2.8 ms on eight cores or more, 3 ms before Linux 6.16), and little more. For
 * as long as the longest turn on a core, and a tick, others may have to wait there for what they had too much of before.
 */
const slice = 4_000_000n;

/**
 * Lowers the priority of this process, and of the session that it leads: Linux shares the cores among sessions
 * (autogroups) before it looks at the processes in them. Threads take the priority of the one that starts them, so this
 * comes before the first work. Where sessions don't count, or cannot be changed, the process alone is lowered.
 */
export async function lowerPriority(): Promise<void> {
  setPriority(niceness);
  if (process.platform !== 'linux') return;
  giveWay();
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
 * Asks for turns of the processor that are longer than others', which we never get to the end of: since Linux 6.12 whoever wakes
 * up and wants shorter ones, as everybody does by default, takes the core from us at once. However low our priority, it would
 * otherwise keep the core until the next tick of the scheduler, which is up to 4 ms where there are 250 a second. Then asks to
 * run in idle time only: a core that does nothing but our work counts as a free one, and whoever wakes up is sent there
 * instead of waiting behind somebody else on the other.
 *
 * There is no other way to it from Node than `node:ffi`, which is experimental: where it or the call is missing, it stays at the
 * priority. Older kernels take the call and leave the turns as they are.
 */
function giveWay(): void {
  const number = setAttributes[process.arch];
  const ffi = process.getBuiltinModule('node:ffi');
  if (number === undefined || ffi === undefined) return;
  try {
    const { functions } = ffi.dlopen(null, {
      syscall: { arguments: ['int64', 'int64', 'buffer', 'int64'], return: 'int64' },
    });
    // Turns can be asked for under the usual policy alone; they last under the other.
    for (const policy of [policies.other, policies.idle]) functions.syscall(number, 0n, attributesOf(policy), 0n);
  } catch {
    // The low priority has to do.
  }
}

/** struct sched_attr: size, policy, flags, niceness, priority, then the slice. */
function attributesOf(policy: number): Buffer {
  const attributes = Buffer.alloc(48);
  attributes.writeUInt32LE(attributes.length, 0);
  attributes.writeUInt32LE(policy, 4);
  attributes.writeInt32LE(niceness, 16);
  attributes.writeBigUInt64LE(slice, 24);
  return attributes;
}
