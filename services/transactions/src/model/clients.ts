import { expect } from 'vitest';
import { type Step, wishOf } from './steps.ts';
import type { Teller } from './teller.ts';

/** Everything that a client may be told here; a 5xx that is no 503 would be a bug. */
const definite = [200, 201, 202, 400, 403, 404, 409, 422];

/** One client: works its plan off on one replica, and retries what anyone has sent, answered or not, on the other. */
async function client(teller: Teller, plan: readonly Step[], replica: number): Promise<void> {
  for (const step of plan) {
    const wish = wishOf(step, teller);
    if (wish.kind !== 'retry') {
      const { status } = await teller.do(wish, replica);
      expect(definite).toContain(status);
      continue;
    }
    const sent = teller.sent[wish.of % Math.max(1, teller.sent.length)];
    if (!sent) continue;
    if (sent.kept && wish.changed) expect((await teller.misuse(sent, replica + 1)).code).toBe('idempotency_key_reused');
    else expect(definite).toContain((await teller.retry(sent, replica + 1)).status);
  }
}

/**
 * Lets one client for each plan loose on the bank, all at once. Every answer must be definite; afterwards everything is
 * sent once more and must be answered byte for byte as it was.
 */
export async function runClients(teller: Teller, plans: readonly Step[][]): Promise<void> {
  const done = await Promise.allSettled(plans.map((plan, index) => client(teller, plan, index)));
  for (const one of done) if (one.status === 'rejected') throw one.reason;
  const kept = teller.sent.filter((sent) => sent.kept);
  await Promise.all(kept.map((sent, index) => teller.retry(sent, index)));
  expect(teller.contradictions).toEqual([]);
}

/** So many clients that do the same, and each of them twice under the same key. */
export function crowd(): Step[][] {
  const same = { first: 0, second: 0, amount: 100n, luck: 10, others: [] };
  const plan: Step[] = [
    { kind: 'transfer', ...same },
    ...[0, 1, 2].map((first): Step => ({ kind: 'retry', ...same, first })),
  ];
  return Array.from({ length: 8 }, () => [...plan, ...plan]);
}
