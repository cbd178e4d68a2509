import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, it, vi } from 'vitest';

const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** The bootstrap's way to run a program, under a shell as npm does it. Tells the process ids of both. */
async function startUnderShell(program: string) {
  const bootstrap = `
    import { runInForeground } from '${new URL('./processes.mjs', import.meta.url).href}';
    process.stdout.write('bootstrap ' + process.pid + '\\n');
    process.exitCode = await runInForeground(process.execPath, ['-e', ${JSON.stringify(program)}], { cwd: '/', env: process.env });`;
  // Not the last command, or the shell would become the program itself.
  const shell = spawn('sh', ['-c', '"$0" --input-type=module -e "$1"; exit $?', process.execPath, bootstrap], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(shell);
  let output = '';
  shell.stdout.on('data', (data) => {
    output += data;
  });
  const pidOf = (name: string) => Number(new RegExp(`${name} (\\d+)`).exec(output)?.[1]);
  await vi.waitFor(() => expect(pidOf('child')).toBeGreaterThan(0), 5000);
  return { shell, bootstrap: pidOf('bootstrap'), child: pidOf('child'), output: () => output };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const waiting = "process.stdout.write('child ' + process.pid + '\\n'); setInterval(() => {}, 1000);";

it('gives the exit status of the program', async () => {
  const { shell } = await startUnderShell("process.stdout.write('child ' + process.pid); process.exit(7)");
  const [status] = shell.exitCode === null ? await once(shell, 'exit') : [shell.exitCode];
  expect(status).toBe(7);
});

it('passes SIGTERM and SIGINT on, and waits for the program', async () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const polite = `process.on('${signal}', () => setTimeout(() => process.exit(3), 100)); ${waiting}`;
    const { shell, bootstrap } = await startUnderShell(polite);
    process.kill(bootstrap, signal);
    expect((await once(shell, 'exit'))[0]).toBe(3);
  }
});

it('ends the program when the shell above has ended: npm passes SIGTERM to nobody else', async () => {
  const { shell, bootstrap, child } = await startUnderShell(waiting);
  shell.kill('SIGTERM');
  await vi.waitFor(() => expect([bootstrap, child].filter(isAlive)).toEqual([]), 5000);
});

it('asks the program once, so that it can take its time', async () => {
  const slow = `let asked = 0; process.on('SIGTERM', () => { asked += 1; process.stdout.write('asked ' + asked + '\\n'); });
    process.on('SIGTERM', () => setTimeout(() => process.exit(0), 1500)); ${waiting}`;
  const { shell, child, output } = await startUnderShell(slow);
  shell.kill('SIGTERM');
  await vi.waitFor(() => expect(isAlive(child)).toBe(false), 8000);
  expect(output()).toContain('asked 1');
  expect(output()).not.toContain('asked 2');
});

it('ends the program when npm was killed and left its shell', async () => {
  const bootstrap = `
    import { runInForeground } from '${new URL('./processes.mjs', import.meta.url).href}';
    const program = ${JSON.stringify(waiting)};
    await runInForeground(process.execPath, ['-e', program], { cwd: '/', env: process.env });`;
  const npm = `
    process.title = 'npm start';
    require('node:child_process').spawn('sh', ['-c', '"$0" --input-type=module -e "$1"; exit $?', process.execPath, process.argv[1]],
      { stdio: 'inherit', env: { ...process.env, npm_lifecycle_event: 'start' } });`;
  const child = spawn(process.execPath, ['-e', npm, bootstrap], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  let pid = 0;
  child.stdout.on('data', (data) => {
    pid = Number(/child (\d+)/.exec(String(data))?.[1] ?? pid);
  });
  await vi.waitFor(() => expect(pid).toBeGreaterThan(0), 5000);
  child.kill('SIGKILL');
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), 5000);
});
