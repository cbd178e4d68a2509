import { spawn, spawnSync } from 'node:child_process';
import { whenOrphaned } from './parents.mjs';

/** Something that went wrong and is told in one line, without a stack. */
export class Failure extends Error {}

/**
 * Runs a program to its end and keeps its output.
 *
 * @param {string} file
 * @param {string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv }} options
 * @returns {{ failed: boolean, reason: string }} reason: the line of its output that says most
 */
export function capture(file, args, options) {
  const result = spawnSync(file, args, { ...options, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const failed = result.status !== 0;
  const reason = result.error ? result.error.message : reasonIn(`${result.stderr}\n${result.stdout}`);
  return { failed, reason: failed ? reason : '' };
}

/**
 * @param {string} output of a package manager that failed
 * @returns {string} its most telling line
 */
export function reasonIn(output) {
  const lines = output.split('\n').map((line) => line.trim());
  const errors = lines.filter((line) => /\berr(or)?\b|ERR_|✕|×/i.test(line) && !/complete log|errno/i.test(line));
  const telling = errors.find((line) => /request to|E[A-Z]{5,}|ERR_PNPM/.test(line)) ?? errors[0];
  return telling ?? lines.filter(Boolean).at(-1) ?? 'no output';
}

/**
 * Runs a program in the foreground until it ends. Signals to this process go on to it; when whoever started this
 * process is gone, the program is told to end too.
 *
 * @param {string} file
 * @param {string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv }} options
 * @returns {Promise<number>} the exit status; 128 and more after a signal
 * @throws {Failure} when it cannot be started
 */
export function runInForeground(file, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { ...options, stdio: 'inherit' });
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    const forwarders = signals.map((signal) => [signal, () => child.kill(signal)]);
    for (const [signal, forward] of forwarders) process.on(signal, forward);
    // Once: a second request to end means at once.
    const stopWatching = whenOrphaned(() => child.kill('SIGTERM'));
    const finish = () => {
      stopWatching();
      for (const [signal, forward] of forwarders) process.off(signal, forward);
    };
    child.once('error', (error) => {
      finish();
      reject(new Failure(`${file} cannot be started: ${error.message}`));
    });
    child.once('exit', (code, signal) => {
      finish();
      resolve(code ?? (signal === 'SIGINT' ? 130 : 143));
    });
  });
}
