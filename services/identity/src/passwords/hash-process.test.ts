import { spawn } from 'node:child_process';
import { argon2Sync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { constants, getPriority } from 'node:os';
import { basename } from 'node:path';
import { performance } from 'node:perf_hooks';
import { eventually } from '@florin/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type HashProcess, type HashProcessOptions, startHashProcess } from './hash-process.ts';
import { hashPassword, unmatchableHash, verifyPassword } from './password-hash.ts';

const onLinux = process.platform === 'linux';

interface Hasher extends HashProcess {
  readonly logged: object[];
}

function open(options: Partial<HashProcessOptions> = {}): Hasher {
  const logged: object[] = [];
  const logger = { error: (details: object) => void logged.push(details) };
  const hasher = startHashProcess({ threads: 2, logger, ...options });
  onTestFinished(() => hasher.close());
  return { ...hasher, logged };
}

function pidOf(hasher: HashProcess): number {
  const pid = hasher.pid();
  if (pid === undefined) throw new Error('No process runs');
  return pid;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** The fields of a stat file of Linux, by their numbers in proc(5); the name may hold blanks. */
function statOf(file: string): (number: number) => string | undefined {
  const text = readFileSync(file, 'utf8');
  const name = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'));
  const rest = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (number) => (number === 2 ? name : rest[number - 3]);
}

/** The threads that hash: those of libuv. */
function poolThreads(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`)
    .map((thread) => `/proc/${pid}/task/${thread}`)
    .filter((thread) => statOf(`${thread}/stat`)(2) === 'libuv-worker');
}

/** How nice they are. */
const poolNiceness = (pid: number) => poolThreads(pid).map((thread) => Number(statOf(`${thread}/stat`)(19)));

/** SCHED_OTHER is 0, SCHED_IDLE 5. */
const poolPolicies = (pid: number) => poolThreads(pid).map((thread) => Number(statOf(`${thread}/stat`)(41)));

/** How long they may keep a core that others wait for, in nanoseconds; not told of those that run in idle time. */
const poolSlices = (pid: number) => poolThreads(pid).map((thread) => sliceOf(`${thread}/sched`) ?? Number.NaN);

/** Makes idle threads usual ones with the slice that they have, by sched_setscheduler(2). */
function setUsualPolicy(threads: readonly string[]): void {
  const number = process.arch === 'x64' ? 144n : 119n;
  const { functions } = process.getBuiltinModule('node:ffi').dlopen(null, {
    syscall: { arguments: ['int64', 'int64', 'int64', 'buffer'], return: 'int64' },
  });
  for (const thread of threads) functions.syscall(number, BigInt(basename(thread)), 0n, Buffer.alloc(4));
}

function sliceOf(file: string): number | undefined {
  const found = existsSync(file) ? /^se\.slice\s*:\s*(\d+)/m.exec(readFileSync(file, 'utf8'))?.[1] : undefined;
  return found === undefined ? undefined : Number(found);
}

/** How often a page was not there, but came without the disk. */
const pageFaults = (pid: number) => Number(statOf(`/proc/${pid}/stat`)(10));

const onGlibc = onLinux && 'glibcVersionRuntime' in (process.report.getReport() as { header: object }).header;

/** Node 26 can make the calls. */
const knowsCalls = onLinux && isBuiltin('node:ffi');

/** Linux has asked everybody for a slice since 6.12, where it is built to show it. */
const knowsSlices = sliceOf('/proc/self/sched') !== undefined && knowsCalls;

const refused = { code: 'upstream_unavailable', retryAfterSeconds: 1 };

describe('the process that hashes passwords', () => {
  it('makes hashes that fit here, and reads those made here', async () => {
    const hasher = open();
    expect(await verifyPassword('same password', await hasher.hash('same password'))).toBe(true);
    const stored = await hashPassword('same password');
    expect(await hasher.verify('same password', stored)).toBe(true);
    expect(await hasher.verify('some password', stored)).toBe(false);
    expect(await hasher.verify('any password', unmatchableHash)).toBe(false);
  });

  it('says what is wrong with a stored text without repeating it, and goes on', async () => {
    const hasher = open();
    const pid = hasher.pid();
    await expect(hasher.verify('password-canary', 'hash-canary')).rejects.toThrow(/^A stored [^$]*argon2id$/);
    expect(await hasher.verify('any password', unmatchableHash)).toBe(false);
    expect([hasher.pid(), hasher.logged]).toEqual([pid, []]);
  });

  it.runIf(onLinux)('lets others go first, those of other sessions too, and leaves this process as it is', async () => {
    const autogroup = (pid: number) => readFileSync(`/proc/${pid}/autogroup`, 'utf8');
    const hasSessions = existsSync('/proc/self/autogroup');
    const ownBefore = hasSessions ? autogroup(process.pid) : undefined;
    const hasher = open();
    await Promise.all([hasher.hash('a password'), hashPassword('a password')]);
    const pid = pidOf(hasher);
    const low = constants.priority.PRIORITY_LOW;
    expect(getPriority(pid)).toBe(low);
    expect(new Set(poolNiceness(pid))).toEqual(new Set([low]));
    expect(statOf(`/proc/${pid}/stat`)(6)).toBe(String(pid));
    // Control: the same is not so of hashing here.
    expect(getPriority()).toBeLessThan(low);
    expect(new Set(poolNiceness(process.pid))).toEqual(new Set([getPriority()]));
    if (!hasSessions) return;
    await eventually(() => expect(autogroup(pid)).toMatch(` nice ${low}\n`));
    expect(autogroup(process.pid)).toBe(ownBefore);
  });

  it.runIf(knowsCalls)('runs in idle time', async () => {
    const hasher = open();
    await Promise.all([hasher.hash('a password'), hashPassword('a password')]);
    expect(new Set(poolPolicies(pidOf(hasher)))).toEqual(new Set([5]));
    // Control: the same is not so of hashing here.
    expect(poolPolicies(process.pid)).not.toContain(5);
  });

  // Only root can look at the slice, by taking the threads out of idle time.
  it.runIf(knowsSlices && process.getuid?.() === 0)(
    'is off its core as soon as others wake up: its turns are longer',
    async () => {
      const hasher = open();
      await Promise.all([hasher.hash('a password'), hashPassword('a password')]);
      setUsualPolicy(poolThreads(pidOf(hasher)));
      expect(new Set(poolSlices(pidOf(hasher)))).toEqual(new Set([4_000_000]));
      // Control: the same is not so of hashing here.
      expect(Math.max(...poolSlices(process.pid))).toBeLessThan(4_000_000);
    },
  );

  it.runIf(onGlibc)('keeps its memory for the next hash: no page comes from the system anew', async () => {
    const hasher = open({ threads: 1 });
    const faultsOf = async (pid: number, hash: () => Promise<string>) => {
      for (let round = 0; round < 3; round += 1) await hash();
      const before = pageFaults(pid);
      for (let round = 0; round < 8; round += 1) await hash();
      return (pageFaults(pid) - before) / 8;
    };
    expect(await faultsOf(pidOf(hasher), () => hasher.hash('a password'))).toBeLessThan(500);
    // Control: 19 MiB are 4,864 pages.
    expect(await faultsOf(process.pid, () => hashPassword('a password'))).toBeGreaterThan(500);
  });

  it('works beside the event loop; control: what works on it is seen', async () => {
    const hasher = open();
    await hasher.hash('the first one waits for the start');
    const busy = async (work: () => unknown) => {
      const before = performance.eventLoopUtilization();
      await work();
      await new Promise((resolve) => setTimeout(resolve, 1));
      return performance.eventLoopUtilization(before).active;
    };
    const inLoop = { message: 'x', nonce: randomBytes(16), memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 };
    const control = await busy(() => argon2Sync('argon2id', inLoop));
    const shares = [];
    for (let round = 0; round < 3; round += 1) shares.push((await busy(() => hasher.hash('a password'))) / control);
    expect(Math.min(...shares)).toBeLessThan(0.5);
  });

  it.runIf(onLinux)('knows nothing of the environment of its owner', async () => {
    const hasher = open();
    await hasher.hash('a password');
    const names = readFileSync(`/proc/${hasher.pid()}/environ`, 'utf8')
      .split('\0')
      .map((setting) => setting.split('=')[0] ?? '');
    expect(names).toContain('UV_THREADPOOL_SIZE');
    expect(names.filter((name) => !/^(UV_THREADPOOL_SIZE|MALLOC_\w+|NODE_CHANNEL_\w+|)$/.test(name))).toEqual([]);
  });
});

describe('a process that ends', () => {
  it('takes its hashes with it: 503 with Retry-After; the next one finds another process', async () => {
    const hasher = open();
    await hasher.hash('a password');
    const pid = pidOf(hasher);
    process.kill(pid, 'SIGSTOP');
    const asked = Promise.allSettled([hasher.hash('lost-canary'), hasher.verify('lost-canary', unmatchableHash)]);
    process.kill(pid, 'SIGKILL');
    expect(await asked).toMatchObject([{ reason: refused }, { reason: refused }]);
    expect(hasher.logged).toEqual([{ code: null, signal: 'SIGKILL' }]);
    expect(await hasher.verify('any password', await hashPassword('another password'))).toBe(false);
    expect(hasher.pid()).not.toBe(pid);
  });

  it('is what becomes of one that does not answer in time', async () => {
    const hasher = open({ deadlineMs: 300 });
    const pid = pidOf(hasher);
    process.kill(pid, 'SIGSTOP');
    await expect(hasher.hash('a password')).rejects.toMatchObject(refused);
    expect(isRunning(pid)).toBe(false);
  });

  it('does so only with its owner: a signal to everybody does not end it', async () => {
    const hasher = open();
    await hasher.hash('a password');
    const pid = pidOf(hasher);
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(pid, signal);
    await hasher.hash('a password');
    expect(hasher.pid()).toBe(pid);
    await hasher.close();
    expect(isRunning(pid)).toBe(false);
    await expect(hasher.hash('a password')).rejects.toMatchObject(refused);
    expect(hasher.logged).toEqual([]);
  });

  it('ends with an owner that was killed, in the middle of a hash', async () => {
    const file = JSON.stringify(new URL('./hash-process.ts', import.meta.url).href);
    const owner = spawn(process.execPath, [
      '--input-type=module',
      '-e',
      `const { startHashProcess } = await import(${file});
       const hasher = startHashProcess({ threads: 1, logger: { error() {} } });
       await hasher.hash('a password');
       console.log(hasher.pid());
       for (;;) await hasher.hash('a password');`,
    ]);
    const [output] = await once(owner.stdout, 'data');
    const pid = Number(output);
    expect(isRunning(pid)).toBe(true);
    owner.kill('SIGKILL');
    await eventually(() => expect(isRunning(pid)).toBe(false));
  });
});
