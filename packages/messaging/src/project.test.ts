import { accountFrozen, accountUnfrozen, type CloudEvent } from '@florin/contracts';
import type { Database } from '@florin/database';
import { eventually } from '@florin/testing';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { project, startSubscriptions, subscribe } from './index.ts';
import { frozenEvent, kinds, logger, type SampleTables, useStage } from './testing/stage.ts';

const queue = 'notification.inbox';
const ids = (events: readonly { id: string }[]) => events.map((event) => event.id);
const numbered = (count: number) => Array.from({ length: count }, (_, index) => frozenEvent(index + 1));

async function show(db: Database<SampleTables>, events: readonly CloudEvent[]): Promise<void> {
  await sql`insert into shown (event_id) select id from unnest(${ids(events)}::text[]) as new (id) order by id
    on conflict do nothing`.execute(db);
}

describe.each(kinds)('project over %s', (kind) => {
  const stage = useStage(kind);

  const reader = (write: typeof show, onUnfrozen = show) =>
    stage.closeLater(
      startSubscriptions({
        transport: stage.connect(),
        db: stage.db,
        subscriptions: [project(accountFrozen, queue, write), subscribe(accountUnfrozen, queue, onUnfrozen)],
        logger,
      }),
    );

  const shown = async (events: readonly CloudEvent[]) =>
    ids(await stage.db.selectFrom('shown').select('event_id as id').where('event_id', 'in', ids(events)).execute());
  const received = async (events: readonly CloudEvent[]) =>
    ids(await stage.db.selectFrom('inbox').select('event_id as id').where('event_id', 'in', ids(events)).execute());

  test('every event three times, shuffled and in parallel: all take effect, and the inbox knows of none', async () => {
    const transport = stage.connect();
    for (let count = 0; count < 3; count++) reader(show);
    const events = numbered(300);
    const shuffled = [...events, ...events, ...events].sort(() => Math.random() - 0.5);
    await eventually(() => transport.publish(shuffled.slice(0, 300)));
    await Promise.all([transport.publish(shuffled.slice(300, 600)), transport.publish(shuffled.slice(600))]);
    await eventually(async () => expect(await shown(events)).toHaveLength(300), { timeoutMs: 10_000 });
    expect(await received(events)).toEqual([]);
  });

  test('a poisonous event fails alone', async () => {
    const transport = stage.connect();
    const events = numbered(20);
    const poison = events[7]?.id ?? '';
    reader(async (db, batch) => {
      if (ids(batch).includes(poison)) throw new Error('poison');
      await show(db, batch);
    });
    await eventually(() => transport.publish(events));
    await eventually(
      async () => expect((await transport.deadLetters(queue).list(5)).map(({ event }) => event?.id)).toEqual([poison]),
      { timeoutMs: 10_000 },
    );
    expect((await shown(events)).sort()).toEqual(ids(events).filter((id) => id !== poison));
  });

  test('in one batch with events of another type: one transaction, undone as a whole', async () => {
    const transport = stage.connect();
    const [before, after] = [numbered(3), numbered(3)];
    const between = { ...frozenEvent(4), type: accountUnfrozen.type };
    const seen: number[] = [];
    await eventually(() => transport.publish([...before, between, ...after]));
    reader(show, async (db, batch) => {
      await show(db, batch);
      seen.push((await shown(before)).length);
    });
    await eventually(async () => expect(await shown([...before, between, ...after])).toHaveLength(7));
    // Seen from outside the transaction: not yet there.
    expect(seen).toEqual([0]);
    expect(await received([...before, between, ...after])).toHaveLength(7);
  });
});
