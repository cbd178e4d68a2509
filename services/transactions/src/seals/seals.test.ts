import { createHash, createPublicKey, verify } from 'node:crypto';
import { createDatabase, createPool } from '@florin/database';
import { formatId, newUuid } from '@florin/service';
import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Tables } from '../tables.ts';
import { movementCommand } from '../testing/movement.ts';
import { sealPosted } from '../testing/seal.ts';
import { type Caller, startTestService, type TestService } from '../testing/test-service.ts';
import { sealKey } from './seal-key.ts';
import { LedgerOrderError, sealNext } from './seal-ledger.ts';

const key = sealKey(Buffer.alloc(32, 7));
let service: TestService;
let operator: Caller;
beforeAll(async () => {
  service = await startTestService();
  operator = service.caller({ roles: ['operator'] });
});
afterAll(() => service.close());

/** Makes `count` deposits, and returns the uuids of their transactions. */
async function post(count: number): Promise<string[]> {
  const [a, b] = [await service.ledger.open({ posted: 1_000n }), await service.ledger.open()];
  const commands = Array.from({ length: count }, () => movementCommand(a.id, b.id, 1n));
  const engine = service.ledger.engine();
  await Promise.all(commands.map((command) => engine.submit(command)));
  return commands.map((command) => command.id);
}

const seal = () => sealPosted(service.ledger.db, key);
const proofOf = (id: string) => service.call(operator, `GET /v1/ledger/proof/${formatId('txn', id)}`);

interface Proof {
  record: string;
  leaf: string;
  index: number;
  path: string[];
  root: string;
  seal: { number: number; previous: string; root: string; size: number; statement: string; hash: string } & {
    key: string;
    signature: string;
  };
}

/** Checks a proof with nothing of Florin's. */
function isProven({ record, leaf, index, path, root, seal: by }: Proof): boolean {
  const sha256 = (...parts: Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
  let node = sha256(Buffer.of(0), Buffer.from(record));
  const siblings = path.map((hash) => Buffer.from(hash, 'hex'));
  for (let at = index, last = by.size - 1; last > 0; at >>= 1, last >>= 1) {
    if (at % 2 === 0 && at === last) continue;
    const sibling = siblings.shift() ?? Buffer.alloc(0);
    node = at % 2 === 0 ? sha256(Buffer.of(1), node, sibling) : sha256(Buffer.of(1), sibling, node);
  }
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: by.key }, format: 'jwk' });
  const statement = JSON.parse(by.statement);
  return (
    sha256(Buffer.of(0), Buffer.from(record)).toString('hex') === leaf &&
    node.toString('hex') === root &&
    statement.root === root &&
    statement.size === by.size &&
    verify(null, Buffer.from(by.statement), publicKey, Buffer.from(by.signature, 'base64url'))
  );
}

describe('seals', () => {
  test('take each transaction once, in ledger order, and name the one before', async () => {
    const first = await post(5);
    const one = await seal();
    expect(one).toMatchObject({ number: 1n, size: 5, previous: Buffer.alloc(32) });
    expect(new Set(one?.members)).toEqual(new Set(first));
    expect(await seal()).toBeUndefined();
    const second = await post(2);
    const two = await seal();
    expect(two).toMatchObject({ number: 2n, size: 2, previous: one?.hash });
    expect(new Set(two?.members)).toEqual(new Set(second));
  });

  test('hold what takes several pages to read', async () => {
    await seal();
    const posted = await post(300);
    const made = await seal();
    expect(made?.members).toHaveLength(300);
    expect(new Set(made?.members)).toEqual(new Set(posted));
  });

  test('pass over nothing: what is being posted is waited for, whatever its id and time', async () => {
    await seal();
    const lane = new pg.Client({ connectionString: service.ledger.database.adminUrl });
    await lane.connect();
    const old = '00000000-0000-7000-8000-000000000001';
    try {
      await lane.query('begin');
      await lane.query('set local search_path = transactions');
      await lane.query(`insert into transactions (id, type, amount, currency, debit_account_id, credit_account_id,
        metadata, initiated_by, created_at, posted_at, effective_at)
        values ('${old}', 'transfer', 1, 'USD', '${old}', '${old}', '{}', 'test', now(), '2020-01-01', now())`);
      const [later] = await post(1);
      expect(await sealNext(service.ledger.db, key, () => new Date())).toBeUndefined();
      await lane.query('commit');
      expect((await seal())?.members).toEqual([old, later]);
    } finally {
      await lane.end();
    }
  });

  test('are made once, however many processes try', async () => {
    await post(3);
    const pool = createPool({ url: service.ledger.database.url, schema: 'transactions', applicationName: 'other' });
    const other = createDatabase<Tables>(pool);
    const made = await Promise.all([seal(), sealPosted(other, key), seal()]);
    await other.destroy();
    expect(made.filter((one) => one !== undefined)).toHaveLength(1);
  });

  test('are not made on a cluster that has lost count of its transactions', async () => {
    await post(1);
    await seal();
    const owner = createDatabase<Tables>(
      createPool({ url: service.ledger.database.ownerUrl, schema: 'transactions', applicationName: 'restore' }),
    );
    const beyond = sql.lit('9000000000000000');
    const { rows } = await sql<{ last: string }>`
      update ledger_seals set last_xid = ${beyond}::xid8
      where number = (select max(number) from ledger_seals) returning last_transaction_id as last`.execute(owner);
    await expect(seal()).rejects.toThrow(LedgerOrderError);
    await sql`update ledger_seals set last_xid = (select xid from transactions where id = ${rows[0]?.last})
      where last_xid = ${beyond}::xid8`.execute(owner);
    await owner.destroy();
    expect(await seal()).toBeUndefined();
  });

  test.each(['update ledger_seals set size = size', 'delete from ledger_seals', 'truncate ledger_seals'])(
    'the service’s role may not: %s',
    async (statement) => {
      await expect(sql.raw(statement).execute(service.ledger.db)).rejects.toMatchObject({ code: '42501' });
    },
  );
});

describe('GET /v1/ledger/proof/{txn}', () => {
  afterEach(seal);

  test('› 200 a proof for every transaction of a seal, which others can check', async () => {
    const ids = await post(7);
    await seal();
    for (const id of ids) {
      const proof = (await proofOf(id)).json<Proof>();
      expect(isProven(proof)).toBe(true);
      expect(JSON.parse(proof.record)).toMatchObject({ id, type: 'deposit', amount: '1', entries: [{}, {}] });
      expect(isProven({ ...proof, record: proof.record.replace('"amount":"1"', '"amount":"2"') })).toBe(false);
      expect(isProven({ ...proof, index: (proof.index + 1) % 7 })).toBe(false);
      const forged = { ...proof.seal, statement: proof.seal.statement.replace('"number"', '"Number"') };
      expect(isProven({ ...proof, seal: forged })).toBe(false);
    }
  });

  test('› 404 that says so while the transaction is not sealed yet; 404 for none; 403 for customers', async () => {
    const [id = ''] = await post(1);
    const early = await proofOf(id);
    expect(early.json()).toMatchObject({
      status: 404,
      code: 'not_found',
      detail: expect.stringContaining('not sealed yet'),
    });
    await seal();
    expect((await proofOf(id)).status).toBe(200);
    expect((await proofOf(newUuid())).json()).toMatchObject({
      code: 'not_found',
      detail: 'There is no such transaction.',
    });
    const path = `GET /v1/ledger/proof/${formatId('txn', id)}`;
    expect((await service.call(service.caller(), path)).status).toBe(403);
  });
});

describe('GET /v1/ledger/seals', () => {
  test('› pages of chained seals, newest first', async () => {
    const seals: Proof['seal'][] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const path: string = `GET /v1/ledger/seals?limit=2${cursor && `&cursor=${cursor}`}`;
      const page = (await service.call(operator, path)).json<{ data: Proof['seal'][]; nextCursor: string | null }>();
      seals.push(...page.data);
      cursor = page.nextCursor;
    }
    expect(seals.length).toBeGreaterThan(3);
    expect(seals.map((one) => one.number)).toEqual(seals.map((_, index) => seals.length - index));
    for (const [index, one] of seals.entries()) {
      expect(one.previous).toBe(seals[index + 1]?.hash ?? '00'.repeat(32));
      expect(createHash('sha256').update(one.statement).digest('hex')).toBe(one.hash);
    }
    const bad = await service.call(operator, 'GET /v1/ledger/seals?cursor=bm8');
    expect(bad.json()).toMatchObject({ status: 400, code: 'invalid_cursor' });
    expect((await service.call(service.caller(), 'GET /v1/ledger/seals')).status).toBe(403);
  });
});
