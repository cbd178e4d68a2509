import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** How it answers each request. */
export interface Behaviour {
  readonly status: number;
  readonly body: string;
  readonly delayMs: number;
}

/** A request as it came in. */
export interface Received {
  readonly url: string;
  readonly authorization: string;
}

/** A process that stands for notification. */
export interface TestNotification {
  readonly url: string;
  /** All that came in, the oldest first; a request is told a moment after it came. */
  readonly received: Received[];
  /** From then on it answers so: 200, at once, unless told. */
  answers(behaviour: Partial<Behaviour>): Promise<void>;
  /** Stops it in the middle of whatever it does; it stays connected. */
  freeze(): void;
  thaw(): void;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
  /** Starts it again where it was. */
  start(): Promise<void>;
}

const program = join(import.meta.dirname, 'notification-program.ts');

/** Starts one on a free port. */
export async function startTestNotification(): Promise<TestNotification> {
  const received: Received[] = [];
  let child: ChildProcess;
  let port = 0;
  async function start(): Promise<void> {
    child = fork(program, [String(port)]);
    const [listening] = (await once(child, 'message')) as [{ port: number }];
    port = listening.port;
    child.on('message', (message) => {
      if (message !== 'told') received.push(message as Received);
    });
  }
  await start();
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    start,
    async answers(behaviour) {
      const told = Promise.withResolvers<void>();
      // One listener for all: two messages may come in one turn of the event loop.
      const listen = (message: unknown) => message === 'told' && told.resolve();
      child.on('message', listen);
      child.send({ status: 200, body: '{"data":[]}', delayMs: 0, ...behaviour });
      await told.promise;
      child.off('message', listen);
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** A delivery as notification would show it. */
export function delivery(changes: Record<string, unknown> = {}) {
  return {
    id: 'whd_01h455vb4pex5vsknk084sn02q',
    endpoint: 'whe_01h455vb4pex5vsknk084sn02q',
    event: 'evt_01h455vb4pex5vsknk084sn02q',
    type: 'transaction.posted',
    status: 'succeeded',
    attempts: 2,
    lastStatus: 200,
    createdAt: '2026-11-29T01:02:03.004Z',
    lastAttemptAt: '2026-11-29T01:02:04.005Z',
    ...changes,
  };
}
