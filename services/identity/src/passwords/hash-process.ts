import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { overloaded } from '../errors.ts';
import type { PasswordHasher } from './password-hash.ts';

const program = fileURLToPath(new URL('./hash-program.ts', import.meta.url));

/**
 * For glibc: the 19 MiB of a hash stay with the process instead of going back to the system after it, from which they come as
 * five thousand pages, each a fault. On a virtual machine that takes longer than the hash itself. Others don't look at it.
 */
const keptMemory = {
  // One heap for all threads. The others are mapped anew, whatever is said below.
  MALLOC_ARENA_MAX: '1',
  // Larger blocks than a hash's: from here on each is mapped by itself. 32 MiB is the most that is taken.
  MALLOC_MMAP_THRESHOLD_: String(32 * 1024 * 1024),
  MALLOC_TOP_PAD_: String(64 * 1024 * 1024),
  MALLOC_TRIM_THRESHOLD_: String(256 * 1024 * 1024),
};

/** What the process is asked; `stored` is the hash to compare with. */
export interface HashOrder {
  readonly id: number;
  readonly password: string;
  readonly stored?: string;
}

/** A hash, or whether the password fits; or the message of an error, which repeats neither password nor hash. */
export type HashAnswer = { readonly id: number } & ({ readonly result: string | boolean } | { readonly error: string });

export interface HashProcessOptions {
  /** Hashes at a time. */
  readonly threads: number;
  readonly logger: { error(details: object, message: string): void };
  /** A hash that takes longer ends the process; in milliseconds. Room for its start on a busy machine is in it. */
  readonly deadlineMs?: number;
}

/** Hashing in a process of its own, of low priority: it takes what others leave idle, and little where they leave nothing. */
export interface HashProcess extends PasswordHasher {
  /** Undefined while none runs. */
  pid(): number | undefined;
  /** Ends the process; whoever still waits is refused. */
  close(): Promise<void>;
}

/**
 * Starts the process. One that ends, or takes too long, is replaced when the next hash is asked for; those that it had
 * under way are refused with 503 and Retry-After. It ends with this process, however that ends.
 */
export function startHashProcess({ threads, logger, deadlineMs = 10_000 }: HashProcessOptions): HashProcess {
  const waiting = new Map<number, PromiseWithResolvers<string | boolean>>();
  let child: ChildProcess | undefined = start();
  let lastId = 0;
  let closed = false;

  function start(): ChildProcess {
    const started = fork(program, {
      // In a session of its own, or its low priority would not count against other sessions.
      detached: true,
      // Neither our secrets nor what is preloaded here are for it, and nothing it might print is for the logs.
      env: { UV_THREADPOOL_SIZE: String(threads), ...keptMemory },
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    started.on('message', (answer: HashAnswer) => settle(answer));
    started.once('error', (error) => ended(started, { err: error }));
    started.once('exit', (code, signal) => ended(started, { code, signal }));
    return started;
  }

  function settle(answer: HashAnswer): void {
    const { resolve, reject } = waiting.get(answer.id) ?? {};
    if ('result' in answer) resolve?.(answer.result);
    else reject?.(new Error(answer.error));
  }

  function ended(which: ChildProcess, how: object): void {
    if (which !== child) return;
    child = undefined;
    if (!closed) logger.error(how, 'the process that hashes passwords has ended');
    for (const { reject } of waiting.values()) reject(overloaded('Passwords cannot be checked at the moment.'));
  }

  async function ask(order: Omit<HashOrder, 'id'>): Promise<string | boolean> {
    if (closed) throw overloaded('This process is ending.');
    child ??= start();
    const asked = child;
    const id = ++lastId;
    const answer = Promise.withResolvers<string | boolean>();
    waiting.set(id, answer);
    const timer = setTimeout(() => asked.kill('SIGKILL'), deadlineMs);
    // An order that cannot be sent means that the process is ending, which refuses it.
    asked.send({ id, ...order }, () => {});
    try {
      return await answer.promise;
    } finally {
      clearTimeout(timer);
      waiting.delete(id);
    }
  }

  return {
    hash: async (password) => String(await ask({ password })),
    verify: async (password, stored) => (await ask({ password, stored })) === true,
    pid: () => child?.pid,
    async close() {
      closed = true;
      if (child === undefined) return;
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    },
  };
}
