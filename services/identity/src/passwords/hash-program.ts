// A program, not a module: hashes passwords for the process that started it, which asks over the IPC channel.
import type { HashAnswer, HashOrder } from './hash-process.ts';
import { lowerPriority } from './low-priority.ts';
import { hashPassword, verifyPassword } from './password-hash.ts';

async function resultOf({ password, stored }: HashOrder): Promise<string | boolean> {
  return stored === undefined ? await hashPassword(password) : await verifyPassword(password, stored);
}

async function answer(order: HashOrder): Promise<HashAnswer> {
  try {
    return { id: order.id, result: await resultOf(order) };
  } catch (error) {
    return { id: order.id, error: error instanceof Error ? error.message : 'unknown' };
  }
}

// A signal to everybody of a container or unit must not end it: its owner still answers requests.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
// However the owner ended. A hash under way would be waited for by a plain exit.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.on('message', async (order: HashOrder) => process.send?.(await answer(order)));
await lowerPriority();
