import type { FastifyInstance } from 'fastify';
import { type ProblemError, problem } from './problems.ts';

/** Half of the 500 ms in which a refusal must be there: a request waits for the turn under way, and then in its own. */
const longestTurnMs = 250;
const longestDelayMs = 1_000;
/** A second of delay with less work than this in it is the machine's doing. */
const leastWorkMs = 500;
/** Often enough to see such a delay while it matters, and seldom enough that an idle process sleeps. */
const lookMs = 100;

function refusal(): ProblemError {
  return problem('upstream_unavailable', 'The service is overloaded; try again shortly.', { retryAfterSeconds: 1 });
}

/**
 * Answers 503 at once to what the process would not get to in time: to the rest of a burst once what came before in the same
 * turn of the event loop has taken 250 ms of this thread, and to everything while other work of it keeps the event loop a second
 * behind. Time in which the machine gave this thread no processor does not count: it is no reason to refuse what has arrived
 * meanwhile. Operational routes are always served.
 */
export function installLoadShedding(app: FastifyInstance): void {
  const isBehind = watchLoop(app);
  const isTurnLong = turnClock(longestTurnMs);
  app.addHook('onRequest', (request, _reply, done) => {
    const isLate = (isTurnLong() || isBehind()) && !request.routeOptions.config.operational;
    done(isLate ? refusal() : undefined);
  });
}

/** Milliseconds that this thread has worked. */
function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/**
 * Tells whether this thread has worked for longer than `ms` since it was first asked in the current turn of the event loop.
 * The thread's own time is asked for only where the clock on the wall leaves it open: that takes a system call.
 */
function turnClock(ms: number): () => boolean {
  let turn: { readonly startedAt: number; readonly worked: number } | undefined;
  return () => {
    if (turn === undefined) {
      turn = { startedAt: performance.now(), worked: threadMs() };
      setImmediate(() => {
        turn = undefined;
      });
    }
    return performance.now() - turn.startedAt > ms && threadMs() - turn.worked > ms;
  };
}

/**
 * Tells whether the event loop came to its last two looks a second late, and this thread's own work is the reason. Once is a
 * start or a long turn that is over. A loop that is late looks before it serves what has arrived meanwhile.
 */
function watchLoop(app: FastifyInstance): () => boolean {
  let [lookedAt, worked] = [performance.now(), threadMs()];
  let lateLooks = 0;
  const look = () => {
    const [now, work] = [performance.now(), threadMs()];
    const isLate = now - lookedAt - lookMs > longestDelayMs && work - worked > leastWorkMs;
    lateLooks = isLate ? lateLooks + 1 : 0;
    [lookedAt, worked] = [now, work];
  };
  const looking = setInterval(look, lookMs).unref();
  app.addHook('onClose', async () => clearInterval(looking));
  return () => lateLooks > 1;
}
