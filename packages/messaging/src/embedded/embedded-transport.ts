import { withDeadline } from '../deadline.ts';
import { opened, ready } from '../parcel.ts';
import { createRunning } from '../running.ts';
import { durableTypes, refuseDurableTypes, type TransportSettings } from '../settings.ts';
import type { Transport } from '../transport.ts';
import { notifyAll, receiveNotifications } from './broadcast.ts';
import { openBusDatabase } from './bus-database.ts';
import { startBusConsumer } from './consumer.ts';
import { busDeadLetters } from './dead-letters.ts';
import { addJobs, jobsFor } from './jobs.ts';

/** The transport over Postgres: jobs of graphile-worker in the schema `bus`, and NOTIFY for broadcasts. */
export function connectEmbedded(settings: TransportSettings): Transport {
  const bus = openBusDatabase(settings);
  const running = createRunning();

  return {
    publish: (parcels) =>
      bus.bounded(async () => {
        const all = parcels.map(ready);
        await addJobs(bus.pool, jobsFor(settings.namespace, all));
        const broadcasts = opened(all.filter(({ type }) => !durableTypes.has(type)));
        await notifyAll(bus.pool, settings.namespace, broadcasts);
      }),
    // A job is a batch already, made by the publisher: nothing to gather here.
    consume: (queue, _options, handle) => running.track(startBusConsumer({ settings, bus, queue, handle })),
    broadcast: (types, handler) => {
      refuseDurableTypes(types);
      return running.track(receiveNotifications(settings, types, handler));
    },
    deadLetters: (queue) => busDeadLetters(settings, bus, queue),
    check: async () => {
      await withDeadline(bus.pool.query('select 1'), 1_000, 'The event bus does not answer');
    },
    close: async () => {
      await running.closeAll();
      await bus.close();
    },
  };
}
