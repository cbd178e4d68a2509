import { join } from 'node:path';
import { runProgram } from '../run-program.ts';
import type { LoadOrder, LoadResult } from './order.ts';

const program = join(import.meta.dirname, 'main.ts');

/** Loads an address from a process of its own. Takes as long as the order says, at most ten seconds more. */
export function load(order: LoadOrder): Promise<LoadResult> {
  return runProgram(program, order, order.seconds + order.warmUpSeconds + 10);
}

/** Answers that were not as expected, in words. */
export function otherAnswers({ others }: LoadResult): string[] {
  return Object.entries(others).map(([status, count]) =>
    status === '0' ? `${count} connections broke` : `${count} × ${status}`,
  );
}
