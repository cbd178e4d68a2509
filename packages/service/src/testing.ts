import pino from 'pino';
import { createServer, type Server, type ServerOptions } from './server.ts';

/** A server for tests: nothing is logged unless a stream is given, and a busy test machine sheds no load. */
export function testServer(options: Partial<ServerOptions> = {}): Server {
  return createServer({ name: 'test', logger: pino({ level: 'silent' }), loadShedding: false, ...options });
}

/** A logger that keeps its lines. */
export function collectingLogger(): { logger: pino.Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) });
  return { logger, lines };
}
