import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { BackOff } from './back-off.ts';
import { readLines } from './read-lines.ts';
import { v8Options } from './v8-options.ts';

const exitWithParent = fileURLToPath(new URL('../exit-with-parent.ts', import.meta.url));

/** What to run, and whom to tell. */
export interface ManagedProcessOptions {
  name: string;
  folder: string;
  environment: NodeJS.ProcessEnv;
  /** Every line it writes is appended. */
  logFile: string;
  onLines(lines: readonly string[]): void;
  /** After each start, the first too. */
  onStart(pid: number): void;
  /** After each end that nobody asked for; `exits` counts them. */
  onExit(how: string, exits: number, restartInMs: number): void;
}

/** A Node process of the fleet that is started again whenever it ends, until it is stopped. */
export class ManagedProcess {
  readonly name: string;
  readonly #options: ManagedProcessOptions;
  readonly #log: WriteStream;
  readonly #backOff = new BackOff();
  #child: ChildProcess | undefined;
  #restart: NodeJS.Timeout | undefined;
  #stopping = false;
  #exits = 0;

  constructor(options: ManagedProcessOptions) {
    this.name = options.name;
    this.#options = options;
    this.#log = createWriteStream(options.logFile, { flags: 'a', mode: 0o600 });
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    const { folder, environment } = this.#options;
    const startedAt = Date.now();
    const args = [...v8Options, '--import', exitWithParent, '--import', './src/telemetry.ts', 'src/main.ts'];
    // In a process group of its own: Ctrl-C in the terminal reaches the supervisor only, which stops all in order.
    const child = spawn(process.execPath, args, {
      cwd: folder,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) readLines(stream, (lines) => this.#take(lines));
    }
    child.once('error', (error) => this.#take([`cannot be started: ${error.message}`]));
    child.once('exit', (code, signal) => this.#ended(signal ?? `status ${code}`, Date.now() - startedAt));
    if (child.pid !== undefined) this.#options.onStart(child.pid);
  }

  /** Sends SIGINT (stop without grace), and SIGKILL when it still runs after `timeoutMs`. Resolves when it has ended. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGCONT');
      child.kill('SIGINT');
      const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
      await ended;
      clearTimeout(timer);
    }
    await new Promise<void>((resolve) => this.#log.end(resolve));
  }

  /** Ends it at once and for good. */
  kill(): void {
    this.#stopping = true;
    clearTimeout(this.#restart);
    this.#child?.kill('SIGKILL');
  }

  #take(lines: readonly string[]): void {
    this.#log.write(`${lines.join('\n')}\n`);
    this.#options.onLines(lines);
  }

  #ended(how: string, ranMs: number): void {
    if (this.#stopping) return;
    const waitMs = this.#backOff.next(ranMs);
    this.#exits += 1;
    this.#options.onExit(how, this.#exits, waitMs);
    this.#restart = setTimeout(() => this.start(), waitMs);
  }
}
