import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkPorts } from './check-ports.ts';
import type { FleetFile } from './fleet-file.ts';
import { homeFiles, takeHome } from './home.ts';
import type { LocalSettings } from './local-settings.ts';
import { ownLine, readableLine } from './log-lines.ts';
import { ManagedProcess } from './managed-process.ts';
import { prepareDatabase } from './prepare-database.ts';
import { writePrivateFile } from './private-file.ts';
import { type FleetFacts, processEnvironment, processUrl } from './process-environment.ts';
import { type ProcessDefinition, processes } from './processes.ts';
import { Secrets } from './secrets.ts';
import { type FleetServers, startServers } from './servers.ts';

/** What to start, and where its output goes. */
export interface LocalFleetOptions {
  /** The checkout. */
  root: string;
  settings: LocalSettings;
  /** Real RabbitMQ and Redis. */
  full: boolean;
  environment: NodeJS.ProcessEnv;
  /** One line or several, without a break at the end. */
  print(text: string): void;
}

const readyTimeoutMs = 60_000;
const stopTimeoutMs = 8000;
// A process that has ended so often before it was ever ready is not going to be.
const hopelessAfter = 3;

/** A fleet that is being started or runs; `stop` works at any time. */
export class Fleet {
  readonly #options: LocalFleetOptions;
  readonly #files: ReturnType<typeof homeFiles>;
  readonly #running = new Map<string, ManagedProcess>();
  readonly #failed = Promise.withResolvers<never>();
  #servers: FleetServers | undefined;
  #secrets: Secrets | undefined;
  #admin = { email: '', password: '' };
  #release = () => {};
  #stopped: Promise<void> | undefined;
  #ready = false;

  constructor(options: LocalFleetOptions) {
    this.#options = options;
    this.#files = homeFiles(options.settings.home);
    this.#failed.promise.catch(() => {});
  }

  /** Someone has called `stop`. */
  get isStopping(): boolean {
    return this.#stopped !== undefined;
  }

  /**
   * Starts everything and waits until all of it is ready.
   *
   * @throws Error with one line; whatever had started by then is to be ended by `stop`
   */
  async start(): Promise<FleetFile> {
    const { settings, root } = this.#options;
    const { wasKilled, release } = takeHome(settings.home, settings.temporary);
    this.#release = release;
    this.#secrets = new Secrets(this.#files.secrets);
    const secret = (name: string) => this.secret(name);
    this.#admin = { email: settings.adminEmail, password: settings.adminPassword ?? secret('admin').slice(0, 20) };
    await checkPorts(this.#neededPorts(), wasKilled ? 15_000 : 0);
    const servers = await startServers({ ...this.#options, files: this.#files, secret, onChange: this.#serverChanged });
    this.#servers = servers;
    const adminUrl = servers.postgres.url;
    const trustMark = settings.databaseUrl === undefined;
    await prepareDatabase({ root, adminUrl, definitions: processes, secret, trustMark });
    this.#checkStopped();
    const inherited = this.#options.environment;
    for (const definition of processes) {
      this.#startProcess(definition, { settings, servers, adminUrl, admin: this.#admin, inherited, secret });
    }
    await Promise.race([Promise.all(processes.map(({ name }) => this.#untilReady(name))), this.#failed.promise]);
    this.#ready = true;
    return this.#writeFile();
  }

  /** A secret of this installation, made at its first use. */
  secret(name: string): string {
    if (this.#secrets === undefined) throw new Error('The fleet has not been started.');
    return this.#secrets.get(name);
  }

  /** Ends every process, then the servers; removes fleet.json. */
  stop(): Promise<void> {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  /** Ends the processes at once; the servers' leashes see to the servers when this process ends. */
  kill(): void {
    for (const running of this.#running.values()) running.kill();
  }

  async #end(): Promise<void> {
    await Promise.all([...this.#running.values()].map((running) => running.stop(stopTimeoutMs)));
    await this.#servers?.stop();
    rmSync(this.#files.fleet, { force: true });
    this.#release();
  }

  #checkStopped(): void {
    if (this.isStopping) throw new Error('Stopped while starting.');
  }

  #neededPorts(): Record<string, number> {
    const { ports, databaseUrl, smtpUrl } = this.#options.settings;
    const unused = [...(databaseUrl ? ['FLORIN_POSTGRES_PORT'] : []), ...(smtpUrl ? ['FLORIN_MAIL_PORT'] : [])];
    return Object.fromEntries(Object.entries(ports).filter(([name]) => !unused.includes(name)));
  }

  #startProcess(definition: ProcessDefinition, facts: FleetFacts): void {
    const { name, folder } = definition;
    const { root, print } = this.#options;
    const running = new ManagedProcess({
      name,
      folder: join(root, folder),
      environment: processEnvironment(definition, facts),
      logFile: this.#logFile(name),
      onLines: (lines) => {
        const readable = lines.map((line) => readableLine(name, line)).filter((line) => line !== undefined);
        if (readable.length > 0) print(readable.join('\n'));
      },
      onStart: () => {
        if (this.#ready) this.#writeFile();
      },
      onExit: (how, exits, restartInMs) => {
        print(ownLine(`${name} ended with ${how}; starting it again in ${restartInMs} ms`, 'warn'));
        if (this.#ready || exits < hopelessAfter) return;
        this.#failed.reject(new Error(`${name} does not start: it ended with ${how}; see ${this.#logFile(name)}.`));
      },
    });
    this.#running.set(name, running);
    running.start();
  }

  async #untilReady(name: string): Promise<void> {
    const url = `${processUrl(this.#options.settings, name)}/health/ready`;
    const deadline = Date.now() + readyTimeoutMs;
    for (;;) {
      this.#checkStopped();
      const reply = await fetch(url, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
      await reply?.body?.cancel();
      if (reply?.ok) return;
      if (Date.now() > deadline) {
        throw new Error(`${name} was not ready within ${readyTimeoutMs / 1000} s; see ${this.#logFile(name)}.`);
      }
      await sleep(25);
    }
  }

  #logFile(name: string): string {
    return join(this.#files.logs, `${name}.log`);
  }

  readonly #serverChanged = (text: string) => {
    this.#options.print(ownLine(text, 'warn'));
    if (this.#ready) this.#writeFile();
  };

  #writeFile(): FleetFile {
    const servers = this.#servers;
    if (servers === undefined) throw new Error('No servers run.');
    const { url, pid } = servers.postgres;
    const file: FleetFile = {
      gateway: processUrl(this.#options.settings, 'gateway'),
      console: null,
      processes: processes.map((definition) => this.#describe(definition)),
      postgres: { url, ...(pid === undefined ? {} : { pid }) },
      amqp: servers.amqpUrl,
      redis: servers.redisUrl,
      mail: servers.mail,
      admin: this.#admin,
    };
    if (!this.isStopping) writePrivateFile(this.#files.fleet, file);
    return file;
  }

  #describe({ name, metricsPort }: ProcessDefinition): FleetFile['processes'][number] {
    const { settings } = this.#options;
    const url = processUrl(settings, name);
    const metrics = metricsPort ? `http://127.0.0.1:${settings.ports[metricsPort.variable]}` : url;
    return { name, pid: this.#running.get(name)?.pid ?? 0, url, metrics: `${metrics}/metrics` };
  }
}
