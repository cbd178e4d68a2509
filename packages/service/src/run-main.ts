/** Errors that mean a mistake in the code: their place in it says more than their message. */
const mistakes = new Set(['TypeError', 'ReferenceError', 'RangeError', 'SyntaxError', 'AssertionError']);

function oneLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (mistakes.has(error.name)) return error.stack ?? error.message;
  return error.message.split('\n').join(' ') || error.name;
}

/**
 * Runs what a process does at its start. When it fails, because of a wrong setting, a missing right or a database that does
 * not fit, the process says so in one line on stderr, `<name>: <message>`, and exits with 1.
 */
export async function runMain(name: string, main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    process.stderr.write(`${name}: ${oneLine(error)}\n`);
    process.exit(1);
  }
}
