import type { IncomingMessage } from 'node:http';

/** Whether the request is one of those that machines send every few seconds; they are not traced. */
export function isProbe({ url = '' }: IncomingMessage): boolean {
  return url.startsWith('/health') || url.startsWith('/metrics') || url === '/.well-known/jwks.json';
}
