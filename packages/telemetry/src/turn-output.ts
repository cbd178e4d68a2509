import { type DestinationStream, pino } from 'pino';

const mostHeldBytes = 64 * 1024;

/**
 * Standard output with one write for all lines of one turn of the event loop: under load a write per request would cost
 * more than making its line. Lines are out before the process waits for anything, and when it exits, also after an
 * uncaught error; only a kill within the very turn loses them.
 */
export function turnOutput(): DestinationStream {
  const output = pino.destination({ dest: 1, sync: true });
  let held = '';

  function flush(): void {
    const lines = held;
    held = '';
    if (lines !== '') output.write(lines);
  }

  process.on('exit', flush);
  return {
    write(line) {
      if (held === '') setImmediate(flush);
      held += line;
      if (held.length > mostHeldBytes) flush();
    },
  };
}
