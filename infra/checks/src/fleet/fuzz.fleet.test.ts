import { randomInt } from 'node:crypto';
import { type Fleet, startFleet } from '@florin/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fuzz } from '../fuzz/fuzz.ts';
import { ledgerFaults } from '../fuzz/ledger.ts';
import { readDocument } from '../fuzz/operations.ts';
import { newWorld } from '../fuzz/world.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet({ transport: 'embedded', env: { FLORIN_RATE_LIMITS: 'off' } });
});
afterAll(() => fleet?.stop());

// pnpm fuzz sends as many as there is time for.
it('2,000 generated requests get no 5xx and nothing that is not documented; the books stay sound', async () => {
  const seed = randomInt(2 ** 31);
  const [document, world] = [await readDocument(fleet.gateway), await newWorld(fleet)];
  const report = await fuzz({ url: fleet.gateway, document, world, seed, requests: 2_000 });
  expect(report.findings, `seed ${seed}: pnpm fuzz --seed ${seed} --requests 2000`).toEqual([]);
  expect(report.sent).toBe(2_000);
  for (const status of [200, 201, 400, 401, 403, 404]) expect(report.byStatus[status], `${status}`).toBeGreaterThan(10);
  expect(await ledgerFaults(fleet)).toEqual([]);
}, 120_000);
