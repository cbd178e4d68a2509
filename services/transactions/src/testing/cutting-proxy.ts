import { connect, createServer, type Socket } from 'node:net';

/** When the proxy breaks a connection: before the database gets the commit, or before we get its answer. */
export type Cut = 'before-commit' | 'after-commit';

/** The message (Bind) that runs the prepared commit, and not just the word, which may be part of a value. */
const commitMessage = 'B\0\0\0\u0014\0commit\0';

/** A way to the database that can be broken at the worst moment. */
export interface CuttingProxy {
  /** The database's address by way of the proxy. */
  url: string;
  /** Breaks the next `times` commits so; with `thenAway` the database is away from then on. */
  cut(cut: Cut, times: number, thenAway?: boolean): void;
  /** How many connections it has broken. */
  readonly cuts: number;
  /** Refuses and breaks all connections while true. */
  away: boolean;
  /** Keeps what the database says to itself while true, as a frozen server does. */
  silent: boolean;
  close(): Promise<void>;
}

/** Starts one in front of the Postgres of `databaseUrl`. */
export async function startCuttingProxy(databaseUrl: string): Promise<CuttingProxy> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  const state = { cut: undefined as Cut | undefined, times: 0, thenAway: false, cuts: 0, away: false, silent: false };

  function breaks(kind: Cut, chunk: Buffer): boolean {
    if (state.cut !== kind || state.times === 0) return false;
    if (!chunk.includes(kind === 'before-commit' ? commitMessage : 'COMMIT\0')) return false;
    state.times -= 1;
    state.cuts += 1;
    if (state.thenAway) state.away = true;
    return true;
  }

  const server = createServer((client) => {
    const upstream = connect(Number(target.port || 5432), target.hostname);
    const end = () => {
      for (const socket of [client, upstream]) {
        socket.destroy();
        sockets.delete(socket);
      }
    };
    if (state.away) end();
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', end).on('close', end);
    }
    client.on('data', (chunk: Buffer) => (breaks('before-commit', chunk) ? end() : upstream.write(chunk)));
    upstream.on('data', (chunk: Buffer) => {
      if (state.silent) return;
      if (breaks('after-commit', chunk)) end();
      else client.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String(typeof address === 'object' ? address?.port : '');
  return {
    url: url.href,
    cut(cut, times, thenAway = false) {
      Object.assign(state, { cut, times, thenAway });
    },
    get cuts() {
      return state.cuts;
    },
    get silent() {
      return state.silent;
    },
    set silent(silent) {
      state.silent = silent;
    },
    get away() {
      return state.away;
    },
    set away(away) {
      state.away = away;
      if (away) for (const socket of sockets) socket.destroy();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
