import underPressure from '@fastify/under-pressure';
import type { FastifyInstance } from 'fastify';
import { type ProblemError, problem } from './problems.ts';

/** Half of the 500 ms in which a refusal must be there: a request waits for the turn under way, and then in its own. */
const longestTurnMs = 250;
const longestDelayMs = 1_000;
/** A second of delay with less work than this in it is the machine's doing. */
const leastWorkMs = 500;
const sampleMs = 1_000;

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
  const workedLately = watchWork(app);
  app.register(underPressure, {
    maxEventLoopDelay: longestDelayMs,
    pressureHandler: async (request) => {
      if (workedLately() > leastWorkMs && !request.routeOptions.config.operational) throw refusal();
    },
  });
  const isTurnLong = turnClock(longestTurnMs);
  app.addHook('onRequest', (request, _reply, done) => {
    const isLate = isTurnLong() && !request.routeOptions.config.operational;
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

/** Gives the milliseconds that this thread has worked between two looks a second apart, or as late as the second one came. */
function watchWork(app: FastifyInstance): () => number {
  let seen = threadMs();
  let between = 0;
  const look = () => {
    const now = threadMs();
    between = now - seen;
    seen = now;
  };
  const looking = setInterval(look, sampleMs).unref();
  app.addHook('onClose', async () => clearInterval(looking));
  return () => Math.max(between, threadMs() - seen);
}
