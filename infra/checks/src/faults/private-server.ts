import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningServer } from '@florin/local';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** A server that can be started again on the same port and data; the port is chosen at the first start. */
export type Launch<Server extends RunningServer> = (port?: number) => Promise<Server>;

/** A server of the suite's own behind a proxy: it can be killed and comes back on the same port with the same data. */
export class PrivateServer<Server extends RunningServer = RunningServer> {
  readonly proxy: TcpProxy;
  readonly #launch: Launch<Server>;
  #current: Server;

  private constructor(current: Server, proxy: TcpProxy, launch: Launch<Server>) {
    this.#current = current;
    this.proxy = proxy;
    this.#launch = launch;
  }

  /** @throws what the first launch throws */
  static async start<Server extends RunningServer>(launch: Launch<Server>): Promise<PrivateServer<Server>> {
    const first = await launch();
    return new PrivateServer(first, await startTcpProxy(first.url), launch);
  }

  /** As it runs now, not by the proxy. */
  get current(): Server {
    return this.#current;
  }

  /** Ends it as a power cut of its machine would, and brings it back. Returns when it serves again. */
  async kill(downMs: number): Promise<void> {
    const { pid, port, exited } = this.#current;
    process.kill(-pid, 'SIGKILL');
    await exited;
    await sleep(downMs);
    this.#current = await this.#relaunch(port);
  }

  async stop(): Promise<void> {
    await this.proxy.close();
    await this.#current.stop();
  }

  /** What the killed one leaves behind, processes and ports, takes a moment to go. */
  async #relaunch(port: number): Promise<Server> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#launch(port);
      } catch (error) {
        if (tries === 20) throw error;
        await sleep(250);
      }
    }
  }
}
