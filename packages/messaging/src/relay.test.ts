import type { CloudEvent } from '@florin/contracts';
import { appendEvents, relayAwakeLock, typeParsers } from '@florin/database';
import { eventually } from '@florin/testing';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { startRelay, type Transport } from './index.ts';
import { createOutboxReader } from './outbox-reader.ts';
import { opened, ready, sizeOf } from './parcel.ts';
import { appendPacked, ledgerEvent, logger, schema, useStage } from './testing/stage.ts';

const stage = useStage('embedded');
const numbered = (count: number) => Array.from({ length: count }, (_, index) => ledgerEvent(index + 1));
const ids = (events: readonly { id: string }[]) => events.map(({ id }) => id);

/** A relay into a list of the batches that it has published. */
function relayIntoList(): { batches: string[][] } {
  const batches: string[][] = [];
  const transport: Transport = {
    ...stage.connect(),
    publish: async (parcels) => {
      batches.push(ids(opened(parcels.map(ready))));
    },
  };
  stage.closeLater(startRelay({ databaseUrl: stage.database.url, schema, transport, logger }));
  return { batches };
}

async function connected(url = stage.database.url): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    options: `-c search_path=${schema}`,
    types: typeParsers,
  });
  await client.connect();
  stage.closeLater({ close: () => client.end() });
  return client;
}

const insert = (client: pg.Client, event: CloudEvent) =>
  client.query('insert into outbox (event) values ($1)', [JSON.stringify(event)]);

describe('the relay', () => {
  test('an event that commits late is published, before what comes after its commit', async () => {
    const { batches } = relayIntoList();
    const [before, late, meanwhile, after] = numbered(4) as [CloudEvent, CloudEvent, CloudEvent, CloudEvent];
    await appendEvents(stage.db, [before]);
    await eventually(() => expect(batches.flat()).toEqual([before.id]));
    const writer = await connected();
    await writer.query('begin');
    await insert(writer, late);
    await appendEvents(stage.db, [meanwhile]);
    await eventually(() => expect(batches.flat()).toEqual(ids([before, meanwhile])));
    await writer.query('commit');
    await appendEvents(stage.db, [after]);
    await eventually(() => expect(batches.flat()).toEqual(ids([before, meanwhile, late, after])));
  });

  test('positions that were rolled back hold nothing up', async () => {
    const { batches } = relayIntoList();
    const writer = await connected();
    await writer.query('begin');
    await insert(writer, ledgerEvent(1));
    await writer.query('rollback');
    const events = numbered(30);
    for (const event of events) await appendEvents(stage.db, [event]);
    await eventually(() => expect(batches.flat()).toEqual(ids(events)));
  });

  test('what is committed in quick succession travels together', async () => {
    const { batches } = relayIntoList();
    const first = ledgerEvent(1);
    await appendEvents(stage.db, [first]);
    await eventually(() => expect(batches).toEqual([[first.id]]));
    const events = numbered(200);
    await Promise.all(events.map((event) => appendEvents(stage.db, [event])));
    await eventually(() => expect(batches.flat().slice(1).sort()).toEqual(ids(events).sort()));
    expect(batches.length).toBeLessThan(100);
  });
});

describe('notifications', () => {
  const holdsLock = async (client: pg.Client) => {
    const { rows } = await client.query<{ held: boolean }>(
      `select exists (select from pg_locks join pg_database on pg_database.oid = database
         where datname = current_database() and locktype = 'advisory' and granted and mode = 'ExclusiveLock'
           and classid = (hashtext($1)::bigint & 4294967295)::oid and objid = (hashtext($2)::bigint & 4294967295)::oid) as held`,
      [relayAwakeLock, schema],
    );
    return rows[0]?.held === true;
  };

  test('are spared while the relay is awake, and wake it once it sleeps again; nothing is left behind', async () => {
    const { batches } = relayIntoList();
    const listener = await connected();
    let notified = 0;
    listener.on('notification', () => {
      notified += 1;
    });
    await listener.query(`listen ${schema}_outbox`);
    const events: CloudEvent[] = [];
    const write = async () => {
      const event = ledgerEvent(1);
      await appendEvents(stage.db, [event]);
      events.push(event);
    };
    await eventually(
      async () => {
        await write();
        expect(await holdsLock(listener)).toBe(true);
        const before = notified;
        for (let count = 0; count < 20; count += 1) await write();
        expect(await holdsLock(listener)).toBe(true);
        expect(notified).toBe(before);
      },
      { timeoutMs: 10_000 },
    );
    await eventually(async () => expect(await holdsLock(listener)).toBe(false), { timeoutMs: 10_000 });
    const before = notified;
    await write();
    await listener.query('select 1');
    expect(notified).toBe(before + 1);
    await eventually(() => expect(batches.flat()).toEqual(ids(events)));
  });

  test('a writer that takes long keeps the relay neither from its work nor from the lock for good', async () => {
    const { batches } = relayIntoList();
    const writer = await connected();
    await writer.query('begin');
    await insert(writer, ledgerEvent(1));
    const events = numbered(30);
    for (const event of events) {
      await appendEvents(stage.db, [event]);
      await eventually(() => expect(batches.flat()).toContain(event.id));
    }
    expect(await holdsLock(writer)).toBe(false);
    await writer.query('commit');
    await eventually(
      async () => {
        await appendEvents(stage.db, [ledgerEvent(1)]);
        expect(await holdsLock(writer)).toBe(true);
      },
      { timeoutMs: 10_000 },
    );
  });
});

async function indexEntriesRead(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ entries: bigint }>(
    `select idx_tup_read as entries from pg_stat_user_indexes where indexrelname = 'outbox_pkey' and schemaname = $1`,
    [schema],
  );
  return Number(rows[0]?.entries);
}

test('reading the outbox does not cross what was published before, also beside an old snapshot', async () => {
  const admin = await connected(stage.database.adminUrl);
  // Without a gap at the beginning, which would stay as long as any transaction of another test.
  await admin.query('alter table outbox alter column position restart with 1');
  const before = await indexEntriesRead(admin);
  const old = await connected();
  await old.query('begin isolation level repeatable read');
  await old.query('select 1');
  const client = await connected();
  const reader = createOutboxReader(client, 100);
  const started = Date.now();
  const rounds = 40;
  for (let round = 0; round < rounds; round += 1) {
    await appendEvents(stage.db, numbered(100));
    const rows = await reader.read();
    await client.query('delete from outbox where position = any($1::bigint[])', [rows.map(({ position }) => position)]);
    reader.settle(rows);
  }
  const looksAtAll = Math.ceil((Date.now() - started) / 900) + 1;
  await client.query('select pg_stat_force_next_flush()');
  await old.query('rollback');
  // Each read from the beginning would cross 100 more than the one before: 82,000 in all.
  const crossed = await eventually(async () => {
    const read = (await indexEntriesRead(admin)) - before;
    expect(read).toBeGreaterThanOrEqual(rounds * 100);
    return read;
  });
  expect(crossed).toBeLessThan(rounds * 300 + looksAtAll * rounds * 100);
});

test('a read takes as many events as asked for, however many a row holds, and leaves none out', async () => {
  const events = numbered(350);
  await appendPacked(stage.db, events.slice(0, 220));
  await appendEvents(stage.db, events.slice(220, 225));
  await appendPacked(stage.db, events.slice(225));
  const client = await connected();
  const reader = createOutboxReader(client, 150);
  const read: string[][] = [];
  for (let rows = await reader.read(); rows.length > 0; rows = await reader.read()) {
    const parcels = rows.map(({ parcel }) => parcel);
    read.push(ids(opened(parcels)));
    expect(sizeOf(parcels)).toBeLessThan(150 + 100);
    await client.query('delete from outbox where position = any($1::bigint[])', [rows.map(({ position }) => position)]);
    reader.settle(rows);
  }
  expect(read.flat()).toEqual(ids(events));
  expect(read.map((own) => own.length)).toEqual([200, 150]);
});
