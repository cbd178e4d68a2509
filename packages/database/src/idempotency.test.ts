import { ProblemError, problem } from '@florin/service';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import {
  type IdempotentCall,
  purgeIdempotencyKeys,
  runIdempotently,
  sendIdempotent,
  type Transaction,
} from './index.ts';
import { type SampleTables, useSampleDatabase } from './testing/sample-database.ts';

const sample = useSampleDatabase();
const caller = 'usr_one';
let lastKey = 0;

function call(overrides: Partial<IdempotentCall> = {}): IdempotentCall {
  lastKey += 1;
  return { caller, key: `key-${lastKey}`, fingerprint: Buffer.from('the request'), ...overrides };
}

/** Makes a thing and answers with it. */
function making(name: string) {
  return async (tx: Transaction<SampleTables>) => {
    const { id } = await tx
      .insertInto('things')
      .values({ name } as SampleTables['things'])
      .returning('id')
      .executeTakeFirstOrThrow();
    return { status: 201, body: { id: String(id), name } };
  };
}

async function countOf(name: string): Promise<number> {
  return (await sample.db.selectFrom('things').select('id').where('name', 'like', `${name}%`).execute()).length;
}

describe('runIdempotently', () => {
  test('a repeat gets the same status and bytes, without the effect', async () => {
    const same = call();
    const first = await runIdempotently(sample.db, same, making('once'));
    const again = await runIdempotently(sample.db, same, async () => {
      throw new Error('must not run');
    });
    expect(first).toMatchObject({ status: 201, replayed: false });
    expect(again).toEqual({ ...first, replayed: true });
    expect(await countOf('once')).toBe(1);
  });

  test('100 parallel calls with one key have one effect and one answer', async () => {
    const same = call();
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        // 100 callers share 20 connections: keep each wait below the pool's deadline.
        await new Promise((resolve) => setTimeout(resolve, index));
        return await runIdempotently(sample.db, same, making(`parallel${index}`));
      }),
    );
    expect(new Set(answers.map((answer) => answer.body)).size).toBe(1);
    expect(answers.filter((answer) => !answer.replayed)).toHaveLength(1);
    expect(await countOf('parallel')).toBe(1);
  });

  test('control: a key that is looked for first and written afterwards lets several of them work', async () => {
    const { key = '' } = call();
    const lookThenWrite = async (index: number) => {
      const found = await sql`select 1 from idempotency_keys where key = ${key}`.execute(sample.db);
      if (found.rows.length > 0) return;
      await sample.db.transaction().execute((tx) => making(`looked${index}`)(tx));
      await sql`insert into idempotency_keys (caller, key, fingerprint, status, body)
        values (${caller}, ${key}, ${Buffer.from('x')}, 201, '{}') on conflict do nothing`.execute(sample.db);
    };
    await Promise.all(Array.from({ length: 20 }, (_, index) => lookThenWrite(index)));
    expect(await countOf('looked')).toBeGreaterThan(1);
  });

  test('a second call waits for the first, and takes over when that fails', async () => {
    const same = call();
    const { promise: mayFail, resolve: fail } = Promise.withResolvers<void>();
    const { promise: started, resolve: start } = Promise.withResolvers<void>();
    const first = runIdempotently(sample.db, same, async () => {
      start();
      await mayFail;
      throw new Error('broken');
    });
    await started;
    const second = runIdempotently(sample.db, same, making('second'));
    fail();
    await expect(first).rejects.toThrow('broken');
    expect(await second).toMatchObject({ status: 201, replayed: false });
  });

  test('409 idempotency_in_progress when the first takes longer than the wait', async () => {
    const same = call();
    const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
    const { promise: started, resolve: start } = Promise.withResolvers<void>();
    const first = runIdempotently(sample.db, same, async (tx) => {
      await sql`set local idle_in_transaction_session_timeout = '20s'`.execute(tx);
      start();
      await mayEnd;
      return { status: 201, body: null };
    });
    await started;
    const second = runIdempotently(sample.db, same, making('never'));
    await expect(second).rejects.toMatchObject({ code: 'idempotency_in_progress' });
    end();
    expect((await first).status).toBe(201);
    expect(await countOf('never')).toBe(0);
  });

  test('422 idempotency_key_reused for another request', async () => {
    const one = call();
    await runIdempotently(sample.db, one, making('reused'));
    const other = runIdempotently(sample.db, { ...one, fingerprint: Buffer.from('another') }, making('other'));
    await expect(other).rejects.toMatchObject({ code: 'idempotency_key_reused' });
  });

  test('keys of different callers have nothing to do with each other', async () => {
    const one = call();
    await runIdempotently(sample.db, one, making('caller-a'));
    const other = await runIdempotently(sample.db, { ...one, caller: 'usr_two' }, making('caller-b'));
    expect(other.replayed).toBe(false);
  });

  test('a thrown 422 is kept: its effects undone, its bytes the same on replay', async () => {
    const same = call({ path: '/v1/things' });
    const work = async (tx: Transaction<SampleTables>) => {
      await making('refused')(tx);
      throw problem('insufficient_funds', 'Not enough.');
    };
    const first = await runIdempotently(sample.db, same, work);
    const again = await runIdempotently(sample.db, same, making('refused'));
    expect(JSON.parse(first.body)).toMatchObject({
      status: 422,
      code: 'insufficient_funds',
      instance: '/v1/things',
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(first).toMatchObject({ status: 422, replayed: false });
    expect(again).toEqual({ ...first, replayed: true });
    expect(await countOf('refused')).toBe(0);
  });

  test.each([
    ['a thrown problem', 'not_found' as const],
    ['a thrown conflict', 'idempotency_in_progress' as const],
  ])('%s other than 422 does not burn the key', async (_, code) => {
    const same = call();
    const refused = runIdempotently(sample.db, same, async () => {
      throw problem(code, 'no');
    });
    await expect(refused).rejects.toThrow(ProblemError);
    expect(await runIdempotently(sample.db, same, making(code))).toMatchObject({ status: 201, replayed: false });
  });

  test('an answer that is not kept has no effect and does not burn the key', async () => {
    const same = call();
    const unkept = await runIdempotently(sample.db, same, async (tx) => {
      await making('unkept')(tx);
      return { status: 404, body: {} };
    });
    expect(unkept).toEqual({ status: 404, body: '{}', replayed: false });
    expect(await runIdempotently(sample.db, same, making('kept'))).toMatchObject({ status: 201 });
    expect(await countOf('unkept')).toBe(0);
  });

  test('without a key the work runs each time', async () => {
    const none = call({ key: undefined });
    await runIdempotently(sample.db, none, making('free1'));
    await runIdempotently(sample.db, none, making('free2'));
    expect(await countOf('free')).toBe(2);
  });
});

test('sendIdempotent › sends the stored text, and says when it is a replay', () => {
  const sent: unknown[] = [];
  const reply = {
    code: (status: number) => sent.push(status),
    header: (name: string, value: string) => sent.push(`${name}: ${value}`),
    send: (body: string) => sent.push(body),
  };
  sendIdempotent(reply, { status: 422, body: '{"a":1}', replayed: true });
  expect(sent).toEqual([422, 'content-type: application/problem+json', 'idempotent-replayed: true', '{"a":1}']);
});

test('purgeIdempotencyKeys › forgets only what is older', async () => {
  const old = call();
  const young = call();
  await runIdempotently(sample.db, old, making('old'));
  await runIdempotently(sample.db, young, making('young'));
  await sql`update idempotency_keys set created_at = now() - interval '49 hours' where key = ${old.key}`.execute(
    sample.db,
  );
  expect(await purgeIdempotencyKeys(sample.db, 48)).toBe(1n);
  expect((await runIdempotently(sample.db, young, making('young'))).replayed).toBe(true);
});
