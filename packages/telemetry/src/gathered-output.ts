import { type DestinationStream, pino } from 'pino';

// Small enough for a pipe to take at once: pino waits 100 ms for one that is full.
const mostHeldBytes = 16 * 1024;
const mostHeldMs = 20;

/** What nobody has to act on; pino writes the level first. */
const mayWait = /^\{"level":"(?:trace|debug|info)"/;

/**
 * Standard output that writes lines together: under load a write per line would cost more than making the line, here and at
 * whoever reads it. Trace, debug and info lines are out after 20 ms; warnings and worse, with all lines before them, before
 * the process waits for anything. When the process exits, also after an uncaught error, all lines are out. Only a kill loses
 * what has not been written yet.
 */
export function gatheredOutput(): DestinationStream {
  const output = pino.destination({ dest: 1, sync: true });
  let held = '';
  let afterTurn: NodeJS.Immediate | undefined;
  let later: NodeJS.Timeout | undefined;

  function flush(): void {
    clearImmediate(afterTurn);
    clearTimeout(later);
    afterTurn = later = undefined;
    const lines = held;
    held = '';
    if (lines !== '') output.write(lines);
  }

  process.on('exit', flush);
  return {
    write(line) {
      held += line;
      if (held.length > mostHeldBytes) flush();
      else if (mayWait.test(line)) later ??= setTimeout(flush, mostHeldMs).unref();
      else afterTurn ??= setImmediate(flush);
    },
  };
}
