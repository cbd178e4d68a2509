import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const module = join(import.meta.dirname, 'index.ts');

function run(body: string): { status: number | null; stderr: string } {
  const code = `import { readSettings, runMain } from ${JSON.stringify(module)};
    import Type from 'typebox';
    await runMain('accounts', async () => { ${body} });`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', code], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  });
  return { status, stderr };
}

it('a wrong setting is one line that names it, and exit 1', () => {
  const { status, stderr } = run("readSettings(Type.Object({ PORT: Type.Integer() }), { PORT: 'http' });");
  expect(status).toBe(1);
  expect(stderr).toMatch(/^accounts: PORT must be a whole number[^\n]*\n$/);
});

it('a mistake in the code shows where it is', () => {
  const { status, stderr } = run('undefined.x;');
  expect(status).toBe(1);
  expect(stderr).toMatch(/^accounts: TypeError[^\n]*\n\s+at /);
});

it('a start that succeeds goes on', () => {
  expect(run('')).toEqual({ status: 0, stderr: '' });
});
