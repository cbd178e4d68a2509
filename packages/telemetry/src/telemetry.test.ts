import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { exporterOf, traceRatio } from './telemetry.ts';

interface ExportedSpan {
  service: string;
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  attributes: string;
}

const incoming = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
let children: ChildProcess[];
let output: string;
let spans: ExportedSpan[];
let collector: Server;

beforeEach(async () => {
  children = [];
  output = '';
  spans = [];
  collector = createServer(async (request, reply) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    spans.push(...spansOf(Buffer.concat(chunks).toString('utf8')));
    reply.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  collector.listen(0, '127.0.0.1');
  await once(collector, 'listening');
});

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  collector.closeAllConnections();
  collector.close();
});

function spansOf(body: string): ExportedSpan[] {
  const { resourceSpans } = JSON.parse(body);
  return resourceSpans.flatMap((group: { resource: { attributes: unknown }; scopeSpans: { spans: object[] }[] }) =>
    group.scopeSpans.flatMap(({ spans: some }) =>
      some.map((span) => ({
        ...span,
        service: /"service\.name","value":\{"stringValue":"(\w+)"/.exec(JSON.stringify(group.resource))?.[1],
        attributes: JSON.stringify('attributes' in span ? span.attributes : []),
      })),
    ),
  );
}

function collectorUrl(): string {
  const address = collector.address();
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

async function startHop(service: string, next: string | undefined, env: NodeJS.ProcessEnv): Promise<string> {
  const folder = fileURLToPath(new URL('./fixtures', import.meta.url));
  const args = ['--import', './telemetry.ts', './hop.ts', service, ...(next === undefined ? [] : [next])];
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  children.push(child);
  child.stdout?.on('data', (data) => {
    output += data;
  });
  child.stderr?.on('data', (data) => {
    output += data;
  });
  const [url] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => {
      throw new Error(output);
    }),
  ]);
  return url;
}

async function ask(url: string, headers: Record<string, string>): Promise<{ service: string; traceparent: string }[]> {
  return (await (await fetch(`${url}/v1/things?email=canary`, { headers })).json()) as never;
}

describe('with an OTLP receiver', () => {
  const record = () => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl(),
    FLORIN_TRACE_RATIO: '1',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  });

  it('a request through two processes is one tree under the caller’s span, and no query string is on it', async () => {
    const back = await startHop('back', undefined, record());
    const front = await startHop('front', back, record());
    await ask(front, { traceparent: incoming });
    for (const child of children) child.disconnect();
    await vi.waitFor(() => expect(spans.length).toBe(3), 5000);
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([incoming.split('-')[1]]));
    const entry = spans.find(({ parentSpanId }) => parentSpanId === incoming.split('-')[2]);
    const call = spans.find(({ parentSpanId }) => parentSpanId === entry?.spanId);
    const answer = spans.find(({ parentSpanId }) => parentSpanId === call?.spanId);
    expect([entry?.service, call?.service, answer?.service]).toEqual(['front', 'front', 'back']);
    expect(spans.map(({ attributes }) => attributes).join()).not.toContain('canary');
    expect(output).not.toContain('canary');
  });

  it('a trace that the ratio leaves out is not sent, yet its id travels on', async () => {
    const back = await startHop('back', undefined, { ...record(), FLORIN_TRACE_RATIO: '0' });
    const front = await startHop('front', back, { ...record(), FLORIN_TRACE_RATIO: '0' });
    const [, below] = await ask(front, {});
    expect(below?.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    const ended = children.map((child) => once(child, 'exit'));
    for (const child of children) child.disconnect();
    await Promise.all(ended);
    expect(spans).toEqual([]);
  });
});

describe('without an exporter', () => {
  it('the caller’s trace goes on in the next process under a new span, and log lines carry its id', async () => {
    const back = await startHop('back', undefined, {});
    const front = await startHop('front', back, {});
    const [, below] = await ask(front, { traceparent: incoming, tracestate: 'vendor=1' });
    expect(below?.traceparent).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$/);
    await vi.waitFor(() => expect(output.match(/"traceId":"4bf92f3577b34da6a3ce929d0e0e4736"/g)?.length).toBe(2));
  });

  it.each([
    '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra',
    '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
    'ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    'garbage',
  ])('a request with traceparent %s starts a trace of its own', async (traceparent) => {
    const back = await startHop('back', undefined, {});
    const front = await startHop('front', back, {});
    const [, below] = await ask(front, { traceparent });
    expect(below?.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    expect(below?.traceparent).not.toContain('4bf92f3577b34da6a3ce929d0e0e4736');
  });
});

describe('settings', () => {
  it('an exporter is used only when the environment names one', () => {
    expect(exporterOf({})).toBe('none');
    expect(exporterOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318' })).toBe('otlp');
    expect(exporterOf({ OTEL_TRACES_EXPORTER: 'jaeger' })).toBe('jaeger');
    expect(exporterOf({ OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318' })).toBe(
      'none',
    );
  });

  it('an exporter that would trace nothing and a ratio that is none are refused', () => {
    expect(() => exporterOf({ OTEL_TRACES_EXPORTER: 'zipkin' })).toThrow('OTEL_TRACES_EXPORTER must be');
    expect(() => traceRatio({ FLORIN_TRACE_RATIO: '10%' })).toThrow('FLORIN_TRACE_RATIO must be');
    expect(traceRatio({})).toBe(0.1);
  });
});
