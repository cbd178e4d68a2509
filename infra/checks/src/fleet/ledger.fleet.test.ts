import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createClient } from '@florin/client';
import { eventually, type Fleet, startFleet } from '@florin/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../repository.ts';
import { newCustomer, newPerson } from './people.ts';

let fleet: Fleet;
let operator: string;
beforeAll(async () => {
  fleet = await startFleet({ transport: 'embedded', env: { LEDGER_SEAL_INTERVAL_MS: '250' } });
  const { accessToken } = await createClient({ baseUrl: fleet.gateway }).login(fleet.admin);
  operator = accessToken;
});
afterAll(() => fleet?.stop());

async function ask<Answer>(path: string): Promise<Answer> {
  const answer = await fetch(new URL(path, fleet.gateway), { headers: { authorization: `Bearer ${operator}` } });
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as Answer;
}

describe('the books of a running fleet', () => {
  it('come to zero, are sealed within seconds, and verify as sound', async () => {
    const ada = await newCustomer(fleet, 'Ada', '100.00');
    const grace = await newPerson(fleet, 'Grace');
    const to = await grace.client.openAccount({ name: 'Everyday', type: 'checking', currency: 'USD' });
    const sent = await ada.client.transfer({
      ...{ from: ada.account.id, to: to.id, amount: '12.50', currency: 'USD' },
    });

    const balance = await ask<{ totals: unknown[]; accounts: unknown[] }>('/v1/ledger/trial-balance');
    expect(balance.totals).toEqual([{ currency: 'USD', total: '0.00' }]);
    expect(balance.accounts).toContainEqual(expect.objectContaining({ class: 'liability', credit: '100.00' }));

    const proof = await eventually(async () => await ask<{ seal: { key: string } }>(`/v1/ledger/proof/${sent.id}`), {
      timeoutMs: 15_000,
    });
    expect(proof.seal.key).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const verified = spawnSync(process.execPath, [join(root, 'infra/local/src/verify.ts')], {
      env: { ...process.env, FLORIN_HOME: fleet.home },
      encoding: 'utf8',
    });
    expect(verified).toMatchObject({ status: 0, stderr: '' });
    expect(verified.stdout).toMatch(
      /^sound: 4 entries, 2 transactions, [12] seals; 0 not sealed yet\n\{"intact":true,/,
    );
  });
});
