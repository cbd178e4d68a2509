import { describe, expect, it } from 'vitest';
import { readableLine } from './log-lines.ts';
import { welcome } from './welcome.ts';

const at = { time: '2026-11-20T10:04:05.678Z' };

function line(service: string, record: object): string | undefined {
  return readableLine(service, JSON.stringify({ ...at, ...record }));
}

describe('a log line at the terminal', () => {
  it('is one line per request of the gateway', () => {
    const request = { level: 'info', msg: 'request', method: 'POST', route: '/v1/transfers', status: 422, ms: 12.3 };
    const text = line('gateway', { ...request, code: 'insufficient_funds', traceId: 'abc' });
    expect(text).toBe('10:04:05 info  gateway          POST /v1/transfers 422 insufficient_funds 12.3 ms  trace abc');
    expect(line('accounts', request)).toBeUndefined();
    expect(line('gateway', { ...request, route: '/health/ready' })).toBeUndefined();
  });

  it('is what went wrong anywhere, with the error’s message and the facts, without its stack', () => {
    const record = {
      level: 'error',
      msg: 'relay failed',
      err: { message: 'no broker', stack: 'Error\n at x' },
      attempt: 2,
    };
    expect(line('accounts', record)).toBe('10:04:05 error accounts         relay failed: no broker attempt=2');
  });

  it('is nothing for the rest of what services tell', () => {
    expect(line('accounts', { level: 'info', msg: 'listening' })).toBeUndefined();
  });

  it('is the message of a crash, without source lines and stack frames', () => {
    const crash = [
      'file:///x.ts:98',
      '  throw new SettingsError(',
      '      ^',
      '',
      'SettingsError: PORT must be set',
      '    at x (y)',
      'Node.js v26.10.0',
    ];
    const shown = crash.map((text) => readableLine('accounts', text)).filter((text) => text !== undefined);
    expect(shown.map((text) => text.slice(9))).toEqual(['error accounts         SettingsError: PORT must be set']);
  });
});

describe('the table at the start', () => {
  it('tells addresses and sign-ins, and no password of a server', () => {
    const lines = welcome({
      file: {
        gateway: 'http://127.0.0.1:8080',
        console: null,
        processes: [],
        postgres: { url: 'postgres://postgres:canary@127.0.0.1:54320/florin' },
        amqp: 'amqp://guest:canary@127.0.0.1:5672',
        redis: null,
        mail: '/somewhere/else/mail',
        admin: { email: 'admin@florin.example', password: 'shown' },
      },
      signIns: [{ name: 'Ada', email: 'ada@florin.example', password: 'shown-too' }],
      readyMs: 3210,
      home: '/somewhere/else',
    }).join('\n');
    expect(lines).toContain('http://localhost:8080/v1');
    expect(lines).toContain('3.2 s');
    expect(lines).toMatch(/Mail +\/somewhere\/else\/mail/);
    expect(lines).toContain('ada@florin.example  shown-too');
    expect(lines).not.toContain('canary');
    expect(lines).not.toMatch(/Redis|Console|null|undefined/);
  });
});
