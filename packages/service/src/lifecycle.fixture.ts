import { createServer as createListener } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import pino from 'pino';
import { runService } from './lifecycle.ts';
import { createServer } from './server.ts';

// A service for lifecycle.test.ts: prints its lines as JSON and its port as the message "listening".
const options = JSON.parse(process.argv[2] ?? '{}') as { port: number; graceMs: number; closeNever: boolean };
const logger = pino();
const app = createServer({ name: 'lifecycle', logger, readiness: {} });
app.get('/slow', async () => {
  await wait(150);
  return { ok: true };
});
app.get('/endless', (_request, reply) => {
  reply.hijack();
  reply.raw.write('data: 1\n\n');
});
app.get('/crash', async () => {
  setTimeout(() => {
    throw new Error('thrown outside of any request');
  }, 1);
  return {};
});
app.get('/reject', async () => {
  void Promise.reject(new Error('rejected outside of any request'));
  return {};
});

async function close(): Promise<void> {
  if (options.closeNever) await new Promise(() => createListener().listen(0));
  logger.info('dependencies closed');
}

await runService({ app, host: '127.0.0.1', port: options.port, close, graceMs: options.graceMs, logger });
logger.info({ addresses: app.addresses() }, 'listening');
