// Stands for notification, as a process of its own: answers as its parent told it last, and tells the parent of every
// request. The argument is the port, 0 for a free one.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Behaviour } from './test-notification.ts';

let behaviour: Behaviour = { status: 200, body: '{"data":[]}', delayMs: 0 };

const server = createServer(async (request, response) => {
  const { status, body, delayMs } = behaviour;
  process.send?.({ url: request.url, authorization: request.headers.authorization });
  await sleep(delayMs);
  response.writeHead(status, { 'content-type': 'application/json' }).end(body);
});
process.on('message', (told: Behaviour) => {
  behaviour = told;
  process.send?.('told');
});
process.on('disconnect', () => process.exit());

await once(server.listen(Number(process.argv[2]), '127.0.0.1'), 'listening');
const address = server.address();
process.send?.({ port: typeof address === 'object' ? address?.port : undefined });
