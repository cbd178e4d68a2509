import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { type TestIssuer, testIssuer } from '@florin/auth/testing';
import { createLogger } from '@florin/telemetry';
import { onTestFinished } from 'vitest';
import { buildApp, type GatewayDependencies } from '../src/app.ts';
import type { LimitPolicy } from '../src/config.ts';
import { ProcessLimitStore } from '../src/limits/limit-store.ts';
import { RevokedSessions } from '../src/revoked-sessions.ts';
import { type UpstreamName, type UpstreamUrls, upstreamNames } from '../src/upstreams.ts';

/** A request as it arrived at a test upstream. */
export interface Arrived {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  rawHeaders: string[];
  body: Buffer;
}

/** A real HTTP server that notes what arrives. `answer` may change while it runs. */
export interface TestUpstream {
  url: string;
  port: number;
  server: Server;
  arrived: Arrived[];
  answer: (request: Arrived, response: ServerResponse) => void;
  stop(): Promise<void>;
}

export function answerJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export async function listen(listener: RequestListener, port = 0): Promise<Server> {
  const server = createServer(listener);
  await once(server.listen(port, '127.0.0.1'), 'listening');
  return server;
}

export async function stopServer(server: Server): Promise<void> {
  if (!server.listening) return;
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

/** Starts an upstream that answers 200 `{ "ok": true }` until told otherwise; stopped when the test ends. */
export async function startUpstream(port = 0): Promise<TestUpstream> {
  const arrived: Arrived[] = [];
  const server = await listen(async (request, response) => {
    const { method = '', url = '', headers, rawHeaders } = request;
    try {
      const one = { method, url, headers, rawHeaders, body: await readAll(request) };
      arrived.push(one);
      upstream.answer(one, response);
    } catch {
      response.destroy();
    }
  }, port);
  const address = server.address() as AddressInfo;
  const upstream: TestUpstream = {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    server,
    arrived,
    answer: (_request, response) => answerJson(response, 200, { ok: true }),
    stop: () => stopServer(server),
  };
  onTestFinished(upstream.stop);
  return upstream;
}

/** A port where nothing listens. */
export async function deadUrl(): Promise<string> {
  const server = await listen(() => undefined);
  const { port } = server.address() as AddressInfo;
  await stopServer(server);
  return `http://127.0.0.1:${port}`;
}

export interface TestGateway {
  url: string;
  port: number;
  issuer: TestIssuer;
  revoked: RevokedSessions;
  /** `Authorization` of a customer. */
  bearer: Record<string, string>;
}

const plenty: LimitPolicy = { max: 10_000, windowSeconds: 60 };

/** No caller reaches these limits unless a test lowers one. */
export const generousLimits = { 'public-auth': plenty, webhook: plenty, read: plenty, write: plenty };

type Urls = Partial<Record<UpstreamName, string | [string, ...string[]]>>;
type ConfigOverrides = Partial<Omit<GatewayDependencies['config'], 'upstreamUrls'>> & { upstreamUrls?: Urls };
type Overrides = Partial<Omit<GatewayDependencies, 'config'>> & { config?: ConfigOverrides };

function upstreamUrls(fallback: string, urls: Urls = {}): UpstreamUrls {
  const all = upstreamNames.map((name) => [name, [urls[name] ?? fallback].flat()] as const);
  return Object.fromEntries(all) as unknown as UpstreamUrls;
}

/** Starts a gateway with `url` as every upstream, on a free port; stopped when the test ends. */
export async function startGateway(url: string, overrides: Overrides = {}): Promise<TestGateway> {
  const issuer = testIssuer();
  const revoked = new RevokedSessions();
  revoked.load([]);
  const { config, ...others } = overrides;
  const app = await buildApp({
    logger: createLogger({ service: 'gateway', level: 'silent' }),
    keys: issuer.keys,
    revoked,
    apiKeys: { tokenFor: async () => undefined },
    limitStore: new ProcessLimitStore(),
    openapi: '{"openapi":"3.1.0"}',
    ...others,
    config: {
      upstreamConnections: 64,
      trustedProxies: [],
      allowedAddresses: undefined,
      deniedAddresses: undefined,
      corsOrigins: [],
      tokenIssuer: issuer.issuer,
      limits: generousLimits,
      ...config,
      upstreamUrls: upstreamUrls(url, config?.upstreamUrls),
    },
  });
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(async () => {
    const closed = app.close();
    app.server.closeAllConnections();
    await closed;
  });
  return {
    url: address,
    port: Number(new URL(address).port),
    issuer,
    revoked: others.revoked ?? revoked,
    bearer: { authorization: `Bearer ${issuer.userToken()}` },
  };
}

/** Sends bytes as they are and gives everything that came back until the server closed or `waitMs` of silence passed. */
export async function sendRaw(port: number, text: string | Buffer, waitMs = 300): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.setTimeout(waitMs);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => undefined);
  socket.write(text);
  await Promise.race([once(socket, 'close'), once(socket, 'timeout')]);
  socket.destroy();
  return Buffer.concat(chunks).toString('latin1');
}

/** A raw request on a connection of its own; `lines` follow the request line. */
export function rawRequest(port: number, requestLine: string, lines: string[] = [], body = ''): Promise<string> {
  const head = [requestLine, 'Host: localhost', ...lines, 'Connection: close'];
  return sendRaw(port, Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`, 'latin1'));
}

/** The body of a problem answer, after the checks that hold for all of them. */
export async function problemOf(response: Response): Promise<Record<string, unknown>> {
  const body = (await response.json()) as Record<string, unknown>;
  if (!response.headers.get('content-type')?.startsWith('application/problem+json')) {
    throw new Error(`not a problem document: ${response.status} ${JSON.stringify(body)}`);
  }
  return body;
}
