import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../repository.ts';

/** The commands of the README's tour, as a reader would paste them, block by block. */
export function tourBlocks(): string[] {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const tour = readme.slice(readme.indexOf('\n## A tour'), readme.indexOf('\n## The picture'));
  return [...tour.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = '']) => block);
}

/**
 * Pastes the tour into one shell, against the fleet at `gateway`.
 *
 * @returns what each block printed
 */
export async function runTour(gateway: string): Promise<string[]> {
  const marker = '--- next block ---';
  const script = tourBlocks().join(`\necho; echo '${marker}'\n`).replace('http://localhost:8080', gateway);
  const shell = spawn('bash', ['-eu', '-o', 'pipefail', '-s'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  shell.stdout.on('data', (data) => {
    output += data;
  });
  shell.stderr.on('data', (data) => {
    errors += data;
  });
  shell.stdin.end(script);
  const [code] = await new Promise<[number | null]>((resolve) => shell.on('close', (status) => resolve([status])));
  if (code !== 0) throw new Error(`The tour ended with ${code}: ${errors}\n${output}`);
  return output.split(marker);
}
