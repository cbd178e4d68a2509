import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Runs a program of this folder with an order, in a file because it holds tokens or passwords, and returns what it
 * tells as JSON. Ends it after `timeoutSeconds`. `nodeOptions` are V8's.
 *
 * @throws Error with one line
 */
export async function runProgram<Answer>(
  program: string,
  order: unknown,
  timeoutSeconds: number,
  nodeOptions: readonly string[] = [],
): Promise<Answer> {
  const folder = mkdtempSync(join(tmpdir(), 'florin-bench-'));
  const file = join(folder, 'order.json');
  writeFileSync(file, JSON.stringify(order), { mode: 0o600 });
  try {
    const { stdout } = await run(process.execPath, [...nodeOptions, program, file], { timeout: timeoutSeconds * 1000 });
    return JSON.parse(stdout) as Answer;
  } catch (error) {
    throw new Error(`${program} failed: ${tellingLine(error)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function tellingLine(error: unknown): string {
  const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr) : '';
  return stderr.split('\n').find((line) => /^\w*Error\b/.test(line)) ?? 'it did not end in time';
}
