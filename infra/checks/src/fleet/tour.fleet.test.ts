import { type Fleet, startFleet } from '@florin/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runTour } from './tour.ts';

describe.each(['embedded', 'rabbitmq'] as const)("the README's tour, events over %s", (transport) => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await startFleet({ transport });
  });
  afterAll(() => fleet?.stop());

  it.each(['first', 'second'])('works by copy and paste, the %s time', async () => {
    const [, people, accounts, deposit, transfer, both, refused] = await runTour(fleet.gateway);
    expect(people).toMatch(/"name":"Ada"|email_taken/);
    expect(accounts).toBe('\n\n');
    expect(deposit).toContain('"status":"posted","amount":"100.00"');
    const [first = '', again = ''] = (transfer ?? '').split('HTTP/1.1 201');
    expect(first).toContain('"balanceAfter":"87.50"');
    expect(again.toLowerCase()).toContain('idempotent-replayed: true');
    expect(again).toContain(first.trim());
    expect(both).toContain('"posted":"87.50"');
    expect(both).toContain('You received 12.50 USD');
    expect(JSON.parse(refused ?? '')).toMatchObject({ status: 422, code: 'insufficient_funds' });
  });
});
