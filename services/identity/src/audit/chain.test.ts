import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createPool, inTransaction } from '@florin/database';
import { formatId, newUuid } from '@florin/service';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startIdentity, type TestIdentity } from '../testing/test-identity.ts';
import { chainStart, hashEntry } from './audit-entry.ts';
import { chainAuditEntries } from './chain-audit-entries.ts';
import { recordAudit } from './record-audit.ts';
import { verifyAuditChain } from './verify-audit-chain.ts';

let identity: TestIdentity;
let superuser: ReturnType<typeof createPool>;
beforeAll(async () => {
  identity = await startIdentity();
  const url = identity.database.adminUrl;
  superuser = createPool({ url, schema: 'identity', applicationName: 'identity-test-superuser', max: 1 });
});
beforeEach(async () => {
  await superuser.query(`truncate audit_log, audit_pending, audit_chain_head;
    insert into audit_chain_head (sequence, hash) values (0, decode(repeat('00', 32), 'hex'))`);
});
afterAll(async () => {
  await superuser.end();
  await identity.close();
});

const entry = (details: Record<string, unknown> = {}) =>
  ({
    actor: 'system',
    action: 'user.changed',
    resource: formatId('usr', newUuid()),
    details,
    ip: '192.0.2.1',
  }) as const;

async function write(count: number): Promise<void> {
  for (let made = 0; made < count; made += 1) {
    await recordAudit(identity.db, entry({ made, nested: { b: [1, 'ö', null, 0.1], a: true } }));
  }
  await chainAuditEntries(identity.db);
}

const verify = () => verifyAuditChain(identity.db);

describe('the hash of an entry', () => {
  it('is the same for details in another order, as Postgres may give them back, and another for other details', () => {
    const place = { ...entry(), id: newUuid(), at: new Date(), sequence: 1n };
    const hash = (details: Record<string, unknown>) => hashEntry(chainStart, { ...place, details }).toString('hex');
    expect(hash({ after: { b: 1, a: [2, 3] }, before: null })).toBe(hash({ before: null, after: { a: [2, 3], b: 1 } }));
    expect(hash({ a: [2, 3] })).not.toBe(hash({ a: [3, 2] }));
  });
});

describe('the chain', () => {
  it('has every committed entry once, without a gap, from parallel transactions and parallel chaining', async () => {
    await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const work = inTransaction(identity.db, async (tx) => {
          await recordAudit(tx, entry({ index }));
          if (index % 4 === 0) throw new Error('rolled back');
        });
        await work.catch(() => undefined);
        await chainAuditEntries(identity.db);
      }),
    );
    await Promise.all(Array.from({ length: 5 }, () => chainAuditEntries(identity.db)));
    const { rows } = await superuser.query(
      'select sequence, (details ->> $1)::int as index from audit_log order by 1',
      ['index'],
    );
    expect(rows.map(({ sequence }) => Number(sequence))).toEqual(Array.from({ length: 75 }, (_, index) => index + 1));
    expect(new Set(rows.map(({ index }) => index)).size).toBe(75);
    expect(await verify()).toEqual({ intact: true, entries: 75n });
    expect((await superuser.query('select 1 from audit_pending')).rowCount).toBe(0);
  });

  it('goes on from where another process has just brought it', async () => {
    await recordAudit(identity.db, entry());
    // Stands for a process that is chaining ten entries.
    await superuser.query('begin');
    await superuser.query('update audit_chain_head set sequence = 10');
    const chained = chainAuditEntries(identity.db);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await superuser.query('commit');
    expect(await chained).toBe(1);
    const { rows } = await superuser.query('select sequence from audit_log');
    expect(rows).toEqual([{ sequence: 11n }]);
  });

  it('does not make logins wait: an entry is written while another process holds the head', async () => {
    await superuser.query('begin');
    await superuser.query('select * from audit_chain_head for update');
    const { email } = await identity.visitor();
    expect((await identity.logIn(email)).status).toBe(200);
    await superuser.query('commit');
    expect(await chainAuditEntries(identity.db)).toBe(3);
  });

  it('is longer than one batch and one page of the check', { timeout: 30_000 }, async () => {
    await sql`insert into audit_pending (id, at, actor, action, resource, details)
      select gen_random_uuid(), now(), 'system', 'user.changed', 'n' || n, '{}' from generate_series(1, 2600) n`.execute(
      identity.db,
    );
    expect(await chainAuditEntries(identity.db)).toBe(2_600);
    expect(await verify()).toEqual({ intact: true, entries: 2_600n });
    await superuser.query("update audit_log set actor = 'nobody' where sequence = 2345");
    expect(await verify()).toEqual({ intact: false, sequence: 2_345n, fault: 'changed' });
  });
});

describe('the service’s role', () => {
  it.each([
    'update audit_log set actor = actor',
    'delete from audit_log',
    'truncate audit_log',
    'update audit_pending set actor = actor',
    'delete from audit_chain_head',
    'insert into audit_chain_head select * from audit_chain_head',
    'alter table audit_log add column extra text',
  ])('may not %s', async (statement) => {
    await expect(sql.raw(statement).execute(identity.db)).rejects.toMatchObject({ code: '42501' });
  });
});

describe('verifyAuditChain finds what a superuser did, and names the first place', () => {
  const hash = "sha256(convert_to('made up', 'UTF8'))";
  it.each<[string, string, bigint, string]>([
    ['another actor', "update audit_log set actor = 'nobody' where sequence = 4", 4n, 'changed'],
    ['another action', "update audit_log set action = 'x' where sequence = 4", 4n, 'changed'],
    ['another resource', "update audit_log set resource = 'x' where sequence = 1", 1n, 'changed'],
    ['another time', "update audit_log set at = at + interval '1 ms' where sequence = 4", 4n, 'changed'],
    ['another address', "update audit_log set ip = '192.0.2.2' where sequence = 4", 4n, 'changed'],
    ['no address', 'update audit_log set ip = null where sequence = 4', 4n, 'changed'],
    ['another id', 'update audit_log set id = gen_random_uuid() where sequence = 4', 4n, 'changed'],
    ['other details', `update audit_log set details = details || '{"made": 9}' where sequence = 4`, 4n, 'changed'],
    ['another hash', `update audit_log set hash = ${hash} where sequence = 4`, 4n, 'changed'],
    ['another link', `update audit_log set previous_hash = ${hash} where sequence = 4`, 4n, 'changed'],
    ['two changes', "update audit_log set actor = 'nobody' where sequence in (6, 3)", 3n, 'changed'],
    ['a row deleted', 'delete from audit_log where sequence = 4', 4n, 'missing'],
    ['the first rows deleted', 'delete from audit_log where sequence <= 2', 1n, 'missing'],
    ['the last rows deleted', 'delete from audit_log where sequence >= 7', 7n, 'missing'],
    ['everything deleted', 'delete from audit_log', 1n, 'missing'],
    ['the head deleted', 'delete from audit_chain_head', 0n, 'missing'],
    ['the head moved back', 'update audit_chain_head set sequence = 5', 6n, 'added'],
    ['the head’s hash', `update audit_chain_head set hash = ${hash}`, 8n, 'changed'],
    [
      'a row added',
      `insert into audit_log select 9, gen_random_uuid(), at, actor, action, resource, details, ip, hash, ${hash}
       from audit_log where sequence = 8`,
      9n,
      'added',
    ],
    [
      'two rows in each other’s place',
      `update audit_log set sequence = 99 where sequence = 3;
       update audit_log set sequence = 3 where sequence = 5;
       update audit_log set sequence = 5 where sequence = 99`,
      3n,
      'changed',
    ],
    [
      'a row deleted and the others moved up',
      `delete from audit_log where sequence = 3;
       update audit_log set sequence = sequence - 1 where sequence > 3`,
      3n,
      'changed',
    ],
  ])('%s', async (_, tampering, sequence, fault) => {
    await write(8);
    expect(await verify()).toEqual({ intact: true, entries: 8n });
    await superuser.query(tampering);
    expect(await verify()).toEqual({ intact: false, sequence, fault });
  });
});

describe('node src/verify.ts', () => {
  async function run() {
    const child = spawn(process.execPath, ['src/verify.ts'], {
      cwd: join(import.meta.dirname, '../..'),
      env: { PATH: process.env.PATH, DATABASE_URL: identity.database.url },
    });
    let output = '';
    child.stdout.on('data', (data) => {
      output += data;
    });
    const [code] = await once(child, 'close');
    return { code, output };
  }

  it('says that the chain is whole, exit 0; names the first broken entry, exit 1', async () => {
    await write(3);
    expect(await run()).toEqual({ code: 0, output: '{"intact":true,"entries":3}\n' });
    await superuser.query("update audit_log set actor = 'nobody' where sequence = 2");
    expect(await run()).toEqual({ code: 1, output: '{"intact":false,"sequence":2,"fault":"changed"}\n' });
  });
});
