import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';

/** A request as it goes on the wire; nothing is normalised. */
export interface Sent {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const timeoutMs = 20_000;

/**
 * Sends a request to `url` and reads the answer; of an event stream only its beginning. A connection that breaks, as it
 * may while a body is refused half-way, is tried once more.
 *
 * @throws Error when it breaks again, or no answer came within 20 s
 */
export async function send(url: string, sent: Sent): Promise<Answer> {
  return await attempt(url, sent).catch(() => attempt(url, sent));
}

function attempt(url: string, { method, path, headers, body }: Sent): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const { hostname, port } = new URL(url);
  const length = body === undefined ? {} : { 'content-length': String(body.byteLength) };
  const outgoing = request({ agent, hostname, port, method, path, headers: { ...headers, ...length } });
  outgoing.setTimeout(timeoutMs, () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)));
  outgoing.on('error', reject);
  outgoing.on('response', (response) => {
    readAnswer(response).then(resolve, reject);
  });
  outgoing.end(body);
  return promise;
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const { statusCode: status = 0, headers } = response;
  if (headers['content-type']?.startsWith('text/event-stream')) {
    response.destroy();
    return { status, headers, text: '' };
  }
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status, headers, text: Buffer.concat(chunks).toString('utf8') };
}
