import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { toolchainEnvironment } from './environment.mjs';
import { ensurePackages } from './install.mjs';
import { withLock } from './lock.mjs';
import { cacheFolder } from './paths.mjs';
import { Failure, runInForeground } from './processes.mjs';
import { stepFolder, stepsOf } from './targets.mjs';
import { ensureToolchain } from './toolchain.mjs';

const usage =
  'Use: node infra/local/bootstrap.mjs start | start:full | test [files] | verify | rotate-keys [--revoke | --list] | generate | install | run <command>';

const say = (line) => process.stdout.write(`florin: ${line}\n`);

/**
 * Gets the machine ready (toolchain, packages), then runs a command on it. Sets the exit status.
 *
 * @param {string[]} words the command line
 */
export async function main([command = '', ...rest]) {
  try {
    const steps = stepsOf(command, rest);
    if (steps === undefined) throw new Failure(usage);
    const { node, pnpm, env } = await prepare();
    process.exitCode = await runSteps(steps, { node, pnpm }, env);
  } catch (error) {
    const line = error instanceof Failure ? error.message : fileTrouble(error);
    if (line === undefined) throw error;
    process.stderr.write(`florin: ${line}\n`);
    process.exitCode = 1;
  }
}

const troubles = {
  EACCES: 'no permission',
  EPERM: 'no permission',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
};

/** One line for a file that can't be written, or undefined when the error is something else. */
function fileTrouble(error) {
  const trouble = troubles[error?.code];
  return trouble && `Cannot write ${error.path ?? cacheFolder}: ${trouble}.`;
}

function prepare() {
  mkdirSync(cacheFolder, { recursive: true });
  const work = async () => {
    const { node, pnpm } = ensureToolchain(say);
    const env = toolchainEnvironment(process.env, [dirname(node), dirname(pnpm)]);
    ensurePackages(pnpm, env, say);
    return { node, pnpm, env };
  };
  return withLock(join(cacheFolder, 'bootstrap.lock'), work, (pid) => {
    say(`process ${pid} is installing; waiting for it`);
  });
}

/** All steps run, so that one look shows everything that is wrong; a signal ends them. */
async function runSteps(steps, programs, env) {
  const failed = [];
  for (const { name, command } of steps) {
    if (steps.length > 1) say(`${name} …`);
    const [file, ...args] = command;
    const status = await runInForeground(programs[file] ?? file, args, { cwd: stepFolder, env });
    if (status >= 128) return status;
    if (status !== 0) failed.push({ name, status });
  }
  if (failed.length > 0 && steps.length > 1) say(`failed: ${failed.map(({ name }) => name).join(', ')}`);
  return failed[0]?.status ?? 0;
}
