import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createClient } from '@florin/client';
import type { Fleet } from '@florin/testing';
import { root } from '../repository.ts';

/** What is wrong with the books of a running fleet: currencies that don't come to zero, and what `npm run verify` finds. */
export async function ledgerFaults(fleet: Pick<Fleet, 'gateway' | 'admin' | 'home'>): Promise<string[]> {
  const { accessToken } = await createClient({ baseUrl: fleet.gateway }).login(fleet.admin);
  const headers = { authorization: `Bearer ${accessToken}` };
  const answer = await fetch(`${fleet.gateway}/v1/ledger/trial-balance`, { headers });
  if (!answer.ok) return [`the trial balance answered ${answer.status}`];
  const { totals } = (await answer.json()) as { totals: { currency: string; total: string }[] };
  const uneven = totals.filter(({ total }) => Number(total) !== 0);
  const verified = spawnSync(process.execPath, [join(root, 'infra/local/src/verify.ts')], {
    env: { ...process.env, FLORIN_HOME: fleet.home },
    encoding: 'utf8',
  });
  return [
    ...(totals.length === 0 ? ['the trial balance is empty'] : []),
    ...uneven.map(({ currency, total }) => `${currency} comes to ${total}`),
    ...(verified.status === 0 ? [] : [`verify: ${verified.stdout}${verified.stderr}`]),
  ];
}
