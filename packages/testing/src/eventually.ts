import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Calls `check` until it does not throw and returns its answer.
 *
 * @throws what the last call threw, when `timeoutMs` (default 5000) is over
 */
export async function eventually<Answer>(
  check: () => Answer | Promise<Answer>,
  options: { timeoutMs?: number; intervalMs?: number } = {},
): Promise<Answer> {
  const deadline = Date.now() + (options.timeoutMs ?? 5000);
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await sleep(options.intervalMs ?? 25);
  }
}
