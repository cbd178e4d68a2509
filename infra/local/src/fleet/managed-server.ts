import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningServer } from '../launchers/postgres.ts';
import { BackOff } from './back-off.ts';

/** A server of ours that is started again, on the same port and data, whenever it ends by itself. */
export class ManagedServer {
  readonly #launch: () => Promise<RunningServer>;
  readonly #onChange: (text: string) => void;
  readonly #backOff = new BackOff();
  #current: RunningServer;
  #stopping = false;

  private constructor(first: RunningServer, launch: () => Promise<RunningServer>, onChange: (text: string) => void) {
    this.#current = first;
    this.#launch = launch;
    this.#onChange = onChange;
  }

  /** @throws what the first launch throws */
  static async start(launch: () => Promise<RunningServer>, onChange: (text: string) => void): Promise<ManagedServer> {
    const server = new ManagedServer(await launch(), launch, onChange);
    server.#keep();
    return server;
  }

  get url(): string {
    return this.#current.url;
  }

  get pid(): number {
    return this.#current.pid;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#current.stop();
  }

  async #keep(): Promise<void> {
    for (;;) {
      const startedAt = Date.now();
      const how = await this.#current.exited;
      if (this.#stopping) return;
      this.#onChange(`${how}; starting it again`);
      await this.#relaunch(Date.now() - startedAt);
      if (this.#stopping) {
        await this.#current.stop();
        return;
      }
      this.#onChange('runs again');
    }
  }

  async #relaunch(ranMs: number): Promise<void> {
    for (let ran = ranMs; !this.#stopping; ran = 0) {
      await sleep(this.#backOff.next(ran));
      try {
        this.#current = await this.#launch();
        return;
      } catch (error) {
        this.#onChange(error instanceof Error ? error.message : String(error));
      }
    }
  }
}
