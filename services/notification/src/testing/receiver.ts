import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A webhook as it arrived: the exact bytes, as text, and its headers. */
export interface Received {
  path: string;
  headers: Record<string, string>;
  body: string;
}

/** A customer's side of the webhooks: an HTTP server that keeps what arrives. */
export interface Receiver {
  url: string;
  /** Connections so far, of whatever kind. */
  connections(): number;
  received: Received[];
  /** What the next answers are, in order; 200 with `ok` when there are none left. */
  answers: ((response: ServerResponse, request: IncomingMessage) => void)[];
  close(): Promise<void>;
}

/** Listens on a free port of an address. */
export async function startReceiver(host = '127.0.0.1'): Promise<Receiver> {
  const received: Received[] = [];
  const answers: Receiver['answers'] = [];
  let connections = 0;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    received.push({ path: request.url ?? '', body, headers: request.headers as Record<string, string> });
    const answer = answers.shift() ?? ((sending) => sending.end('ok'));
    answer(response, request);
  });
  server.on('connection', () => {
    connections += 1;
  });
  await once(server.listen(0, host), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${port}/hook`,
    connections: () => connections,
    received,
    answers,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** An answer with this status. */
export const status =
  (code: number, text = '', headers: Record<string, string> = {}) =>
  (response: ServerResponse): void => {
    response.writeHead(code, headers).end(text);
  };

/** No answer at all. */
export const silence = (): void => {};
