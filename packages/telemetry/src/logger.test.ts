import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { createLogger } from './logger.ts';

function logged(use: (logger: ReturnType<typeof createLogger>) => void, level = 'info'): string {
  let lines = '';
  const write = (line: string) => {
    lines += line;
  };
  use(createLogger({ service: 'trial', level, destination: { write } }));
  return lines;
}

describe('a log line', () => {
  it('is one JSON object with level, time, service and message', () => {
    const line = JSON.parse(logged((logger) => logger.warn({ attempt: 2 }, 'late')));
    expect(line).toEqual({ level: 'warn', time: expect.any(String), service: 'trial', attempt: 2, msg: 'late' });
    expect(new Date(line.time).toISOString()).toBe(line.time);
  });

  it.each([
    { authorization: 'canary' },
    { headers: { Cookie: 'canary', 'set-cookie': ['canary'] } },
    { body: { newPassword: 'canary', deep: [{ refreshToken: 'canary' }] } },
    { SERVICE_CLIENT_SECRET: 'canary', apiKey: { value: 'canary' } },
    { otp: 'canary', recoveryCodes: ['canary'] },
  ])('holds no value of a secret’s field: %j', (fields) => {
    expect(logged((logger) => logger.info(fields))).not.toContain('canary');
    expect(logged((logger) => logger.child({ id: 1 }).child(fields).info('child'))).not.toContain('canary');
  });

  it.each([
    'connect to amqp://florin:canary@127.0.0.1:5672 failed',
    'Authorization: Bearer canary',
    'token eyJhbGciOiJFZERTQSJ9.canary.canary',
    'key flk_canary',
    'secret whsec_canary/+=',
  ])('holds no secret in its text: %s', (text) => {
    expect(logged((logger) => logger.info(text))).not.toContain('canary');
    expect(logged((logger) => logger.error(new Error(text)))).not.toContain('canary');
    expect(JSON.parse(logged((logger) => logger.info(text)))).toBeTypeOf('object');
  });

  it('of an error has type, message, stack, code and cause, and nothing else the error brings along', () => {
    const cause = Object.assign(new TypeError('inner'), { code: 'EINNER' });
    const error = Object.assign(new Error('outer', { cause }), {
      code: '23505',
      detail: 'Key (email)=(canary) exists',
    });
    const text = logged((logger) => logger.error(error, 'failed'));
    expect(text).not.toContain('canary');
    expect(JSON.parse(text).err).toMatchObject({
      type: 'Error',
      code: '23505',
      cause: { message: 'inner', code: 'EINNER' },
    });
    expect(JSON.parse(text).msg).toBe('failed');
  });

  it('keeps what is no secret: counts, addresses, ids', () => {
    const line = JSON.parse(logged((logger) => logger.info({ tokens: 3, url: 'http://127.0.0.1:8080/a@b' }, 'ok')));
    expect(line).toMatchObject({ tokens: 3, url: 'http://127.0.0.1:8080/a@b' });
  });

  it('names an object that is no plain one instead of walking it', () => {
    class Connection {
      url = 'canary';
    }
    expect(JSON.parse(logged((logger) => logger.info({ connection: new Connection() }))).connection).toBe(
      '[Connection]',
    );
  });

  it('below the level is not written', () => {
    expect(logged((logger) => logger.info('quiet'), 'warn')).toBe('');
  });
});

describe('standard output', () => {
  function run(script: string): { stdout: string; stderr: string; status: number | null } {
    const source = `import fs from 'node:fs';
      import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
      import { createLogger } from ${JSON.stringify(new URL('./logger.ts', import.meta.url).href)};
      const logger = createLogger({ service: 'trial' });
      const log = (count) => {
        for (let line = 0; line < count; line += 1) logger.info({ line }, 'one of many');
      };
      const kill = () => process.kill(process.pid, 'SIGKILL');
      ${script}`;
    return spawnSync(process.execPath, ['--input-type=module', '-e', source], { encoding: 'utf8' });
  }
  const linesOf = (stdout: string) =>
    stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line).line]));

  it.each([
    ['ends', '', 0],
    ['exits at once', 'process.exit(3);', 3],
    ['dies of an error', 'throw new Error("planted");', 1],
  ])('has every line, in order, of a process that %s', (_name, script, status) => {
    const ended = run(`log(2000); ${script}`);
    expect(ended.status).toBe(status);
    expect(linesOf(ended.stdout)).toEqual([...Array(2000).keys()]);
  });

  it('has a warning, and what came before, when its turn ends', () => {
    const ended = run('log(3); logger.warn({ line: 3 }, "late"); log(1); setImmediate(kill);');
    expect(linesOf(ended.stdout)).toEqual([0, 1, 2, 3, 0]);
  });

  it('has the lines that can wait after 20 ms; the control is a kill before', () => {
    expect(linesOf(run('log(3); setTimeout(kill, 21);').stdout)).toEqual([0, 1, 2]);
    expect(linesOf(run('log(3); setImmediate(kill);').stdout)).toEqual([]);
  });

  it.each([
    ['info', 1],
    ['warn', 40],
  ])('is written to once for lines of many turns where they can wait: at %s %i times', (level, times) => {
    // Timers are due no sooner than the script lets them.
    const { stderr } = run(`const { writeSync } = fs;
      let writes = 0;
      fs.writeSync = (...parameters) => { writes += 1; return writeSync(...parameters); };
      globalThis.setTimeout = () => ({ unref() {} });
      for (let line = 0; line < 40; line += 1) { logger.${level}({ line }, 'one of many'); await turn(); }
      process.on('exit', () => process._rawDebug(String(writes)));`);
    expect(stderr.trim()).toBe(String(times));
  });
});
