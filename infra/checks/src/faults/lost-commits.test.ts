import { chmodSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate, provision } from '@florin/database';
import { launchPostgres } from '@florin/local';
import { testPassword } from '@florin/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPostingEngine } from '../../../../services/transactions/src/engine/posting-engine.ts';
import { engineOptions, transferCommand } from '../../../../services/transactions/src/testing/test-ledger.ts';
import { root } from '../repository.ts';
import { History } from './history.ts';
import { historyViolations } from './history-check.ts';
import { PrivateServer } from './private-server.ts';
import { withClient } from './servers.ts';

const schema = 'transactions';
const folder = mkdtempSync(join(realpathSync(tmpdir()), 'florin-lost-'));
const accounts = ['0193a000-0000-7000-8000-000000000001', '0193a000-0000-7000-8000-000000000002'] as const;
let postgres: PrivateServer;
let url: string;
let adminUrl: string;

beforeAll(async () => {
  chmodSync(folder, 0o711);
  // What is not flushed at the commit stays in memory for a while.
  const settings = { wal_writer_delay: '10s', wal_writer_flush_after: '1GB' };
  const options = { folder: join(folder, 'postgres'), password: testPassword, settings };
  postgres = await PrivateServer.start((port) => launchPostgres({ ...options, ...(port !== undefined && { port }) }));
  const provisioned = await provision({
    adminUrl: postgres.current.url,
    database: 'florin',
    services: [{ name: schema, password: testPassword, ownerPassword: testPassword }],
  });
  const addresses = provisioned.services[schema];
  adminUrl = provisioned.adminUrl;
  url = addresses?.url ?? '';
  const migrations = join(root, 'services/transactions/migrations');
  await migrate({ url: addresses?.ownerUrl ?? '', schema, folder: migrations, role: schema });
  await withClient(adminUrl, (client) =>
    client.query(
      `insert into transactions.ledger_accounts (id, owner_id, class, currency, status, status_version, account_number,
         posted, floor, created_at)
       select id, id, 'liability', 'USD', 'active', 1, id::text, 1000000, 0, now() from unnest($1::uuid[]) as id`,
      [accounts],
    ),
  );
});
afterAll(async () => {
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** Transfers money, kills Postgres at once, and returns what of the acknowledged transfers the checker misses then. */
async function lostBy(synchronousCommit: 'on' | 'off'): Promise<{ acknowledged: number; violations: string[] }> {
  await withClient(adminUrl, async (client) => {
    await client.query('delete from transactions.entries');
    await client.query('delete from transactions.transactions');
    await client.query('update transactions.ledger_accounts set posted = 1000000, version = 0, last_entry_at = null');
    await client.query(`alter role ${schema} set synchronous_commit = ${synchronousCommit}`);
    await client.query('checkpoint');
  });
  const history = new History(join(folder, `${synchronousCommit}.jsonl`));
  const engine = createPostingEngine(engineOptions(url));
  const [from, to] = accounts;
  for (let count = 0; count < 40; count += 1) {
    const key = `${synchronousCommit}-${count}`;
    const answer = await engine.submit(transferCommand({ id: from, ownerId: from }, { id: to }, 1n, { key }));
    const { id } = JSON.parse(answer.body) as { id: string };
    const movement = { type: 'transfer', amount: '1', currency: 'USD', from, to };
    const effects = [{ request: key, outcome: 'ok' as const, transaction: id, ...movement }];
    history.write({ key, kind: 'transfer', target: 'engine', outcome: 'ok', answer: '201', effects });
  }
  await history.close();
  await postgres.kill(0);
  await engine.close();
  const violations = await withClient(adminUrl, (client) => historyViolations(client, history.file));
  return { acknowledged: history.acknowledged, violations };
}

describe('kill -9 of Postgres right after the answers', { timeout: 60_000 }, () => {
  test('loses no acknowledged transfer', async () => {
    expect(await lostBy('on')).toEqual({ acknowledged: 40, violations: [] });
  });

  test('control: with synchronous_commit off it does, and the checker names them', async () => {
    const { violations } = await lostBy('off');
    expect(violations.length).toBeGreaterThan(0);
    for (const violation of violations) {
      expect(violation).toMatch(/^I5: off-\d+ was acknowledged as transaction \S+, which does not exist$/);
    }
  });
});
