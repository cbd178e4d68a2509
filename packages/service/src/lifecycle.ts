import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { deadline } from './deadline.ts';
import { beginDraining } from './health.ts';

/** What runService needs. */
export interface RunOptions {
  app: FastifyInstance;
  host: string;
  port: number;
  /** Closes what the app depends on, after the last answer. */
  close: () => Promise<void>;
  /** How long requests are still served after SIGTERM, in milliseconds. */
  graceMs: number;
  logger: Logger;
}

// Together with the default grace of 5 s they end the process within 10 s.
const drainMs = 3000;
const closeMs = 1500;

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

function isAddressInUse(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}

async function closeApp(app: FastifyInstance): Promise<void> {
  // Answers that never end, such as event streams, are cut off.
  const cutOff = setTimeout(() => app.server.closeAllConnections(), drainMs);
  try {
    await app.close();
  } finally {
    clearTimeout(cutOff);
  }
}

async function closeAll({ app, close }: RunOptions): Promise<void> {
  await closeApp(app);
  await close();
}

async function shutDown(options: RunOptions, graceMs: number): Promise<void> {
  beginDraining(options.app);
  await wait(graceMs);
  await deadline(closeAll(options), drainMs + closeMs);
}

function exit(logger: Logger, code: number): never {
  logger.flush();
  process.exit(code);
}

function exitOnSignals(options: RunOptions): void {
  const { logger } = options;
  let ending = false;
  const end = async (signal: string, graceMs: number) => {
    if (ending) return;
    ending = true;
    logger.info({ signal }, 'shutting down');
    try {
      await shutDown(options, graceMs);
      logger.info('stopped');
      exit(logger, 0);
    } catch (error) {
      logger.error({ err: error }, 'shutdown did not finish in time');
      exit(logger, 1);
    }
  };
  process.on('SIGTERM', () => void end('SIGTERM', options.graceMs));
  process.on('SIGINT', () => void end('SIGINT', 0));
}

/**
 * Listens, and runs the process until a signal ends it. SIGTERM: readiness answers 503 at once, requests are served for
 * `graceMs` more, then the listener closes, open requests finish (3 s at most), `close` runs, exit 0. SIGINT: the same
 * without the grace. An address in use is one log line and exit 1. An error that nobody caught is logged and exit 1.
 * Resolves when listening.
 */
export async function runService(options: RunOptions): Promise<void> {
  const { app, host, port, logger } = options;
  const crash = (error: unknown) => {
    logger.fatal({ err: error }, 'an error that nobody caught');
    exit(logger, 1);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  exitOnSignals(options);
  try {
    await app.listen({ host, port });
  } catch (error) {
    if (!isAddressInUse(error)) throw error;
    logger.fatal(`${host}:${port} is already in use; stop what listens there or set another PORT`);
    exit(logger, 1);
  }
}
