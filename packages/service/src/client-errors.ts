import { type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { type ProblemError, problem, problemBody } from './problems.ts';
import { traceId } from './request-id.ts';

function toProblem(code: string | undefined): ProblemError {
  if (code === 'HPE_HEADER_OVERFLOW') return problem('headers_too_large', 'The header fields are too large.');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return problem('request_timeout', 'The request did not arrive in time.');
  return problem('validation_failed', 'This is not a valid HTTP request.');
}

type Headers = Readonly<Record<string, string>>;

/** The answer to the last request that was understood on a connection. */
const lastAnswers = new WeakMap<object, ServerResponse>();
const broken = new WeakSet<Socket>();

/** Lets answerBrokenRequest know which answers are still under way. */
export function followAnswers(server: Server): void {
  server.on('request', (request, response) => lastAnswers.set(request.socket, response));
}

/**
 * Answers a request that the HTTP parser gave up on with a problem and `headers`, and closes the connection. Requests
 * before it on the same connection get their own answers first: a transfer that was made must not be told a 400.
 */
export function answerBrokenRequest(error: Error & { code?: string }, socket: Socket, headers: Headers): void {
  if (broken.has(socket)) return;
  broken.add(socket);
  const answer = lastAnswers.get(socket);
  if (error.code === 'ECONNRESET') socket.destroy();
  else if (answer === undefined || answer.closed) refuse(error, socket, headers);
  else if (answer.req.complete) answer.once('close', () => refuse(error, socket, headers));
  else if (answer.headersSent) socket.destroy();
  else refuse(error, socket, headers);
}

function refuse(error: Error & { code?: string }, socket: Socket, headers: Headers): void {
  if (socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const refused = toProblem(error.code);
  const content = JSON.stringify(problemBody(refused, { traceId: traceId({}) }));
  const head = [
    `HTTP/1.1 ${refused.statusCode} ${STATUS_CODES[refused.statusCode]}`,
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(content)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${content}`, () => socket.destroy());
}
