import { connect, createServer, type Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

/** The way that bytes go. */
export type Direction = 'to-server' | 'to-client';

/**
 * What happens to bytes on their way. `latency`: each piece waits. `silence`: in one direction nothing arrives, without
 * an end of the connection; it comes late if the connection still stands then. `slicing`: they arrive in pieces of a few.
 */
export type Disturbance =
  | { readonly kind: 'latency'; readonly ms: number }
  | { readonly kind: 'silence'; readonly direction: Direction }
  | { readonly kind: 'slicing'; readonly bytes: number };

/** A door before a server. */
export interface TcpProxy {
  /** The address of the server with the proxy's port. */
  readonly url: string;
  /** Connections that stand. */
  readonly connections: number;
  /** From now on, until `calm`; for connections that stand and for new ones. */
  disturb(disturbance: Disturbance): void;
  calm(): void;
  /** Ends all connections with RST, as a crashed machine's kernel or a firewall does. */
  reset(): void;
  close(): Promise<void>;
}

/** Starts one on a free port before the server of that address. */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(target);
  const road = new Road();
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    const pair = [client, upstream] as const;
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const socket of pair) socket.setNoDelay(true).on('error', end).on('close', end);
    pass(client, upstream, 'to-server', road);
    pass(upstream, client, 'to-client', road);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const reset = () => {
    for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy();
  };
  return {
    url: withPort(target, server.address()),
    get connections() {
      return pairs.size;
    },
    disturb: (disturbance) => road.become(disturbance),
    calm: () => road.become(undefined),
    reset,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      road.become(undefined);
      reset();
      await closed;
    },
  };
}

/** What all connections of a proxy share. */
class Road {
  disturbance: Disturbance | undefined;
  #change = Promise.withResolvers<void>();

  become(disturbance: Disturbance | undefined): void {
    this.disturbance = disturbance;
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  /** The pieces of a chunk, each when it is due. */
  async *travel(chunk: Buffer, direction: Direction): AsyncGenerator<Buffer> {
    while (this.disturbance?.kind === 'silence' && this.disturbance.direction === direction) await this.#change.promise;
    const { disturbance } = this;
    if (disturbance?.kind === 'latency') await sleep(disturbance.ms);
    const size = disturbance?.kind === 'slicing' ? disturbance.bytes : chunk.length;
    for (let start = 0; start < chunk.length; start += size) {
      yield chunk.subarray(start, start + size);
      if (size < chunk.length) await nextTurn();
    }
  }
}

function pass(from: Socket, to: Socket, direction: Direction, road: Road): void {
  from.on('data', (chunk: Buffer) => {
    if (road.disturbance === undefined && to.write(chunk)) return;
    from.pause();
    if (road.disturbance === undefined) to.once('drain', () => from.resume());
    else void send(chunk).then(() => from.resume());
  });
  from.on('end', () => to.end());

  async function send(chunk: Buffer): Promise<void> {
    for await (const piece of road.travel(chunk, direction)) {
      if (to.destroyed) return;
      if (!to.write(piece)) await new Promise<void>((resolve) => to.once('drain', resolve).once('close', resolve));
    }
  }
}

function withPort(target: string, address: ReturnType<ReturnType<typeof createServer>['address']>): string {
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String(typeof address === 'object' && address !== null ? address.port : 0);
  return url.href;
}
