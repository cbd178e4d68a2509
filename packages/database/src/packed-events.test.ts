import { accountFrozen, sessionsRevoked } from '@florin/contracts';
import { describe, expect, test } from 'vitest';
import { mostPacked, type PackedEvents, packEvents, type SerializedEvent, serialize, unpackEvents } from './index.ts';

const flags = (recorded: boolean) => `00-${'a'.repeat(32)}-${'b'.repeat(16)}-${recorded ? '01' : '00'}`;

function event(number: number, { type = sessionsRevoked.type, recorded = false, text = '' } = {}) {
  const time = '2026-11-20T10:00:00.000Z';
  return {
    specversion: '1.0' as const,
    ...{ id: `evt_${number}`, source: 'florin/identity', type, subject: 'usr_1', time },
    datacontenttype: 'application/json' as const,
    traceparent: flags(recorded),
    data: { text },
  };
}

const some = (count: number, facts: Parameters<typeof event>[1] = {}) =>
  Array.from({ length: count }, (_, index) => event(index + 1, facts));
const packed = (parcels: readonly (SerializedEvent | PackedEvents)[]) =>
  parcels.filter((parcel): parcel is PackedEvents => 'zstd' in parcel);

describe('packEvents', () => {
  test('what is packed is read as it was written, in its order', () => {
    const events = some(30, { text: 'Zoë "sent" \u{1F4B6}\n' });
    const parcels = packEvents(events.map(serialize));
    expect(parcels).toMatchObject([{ type: sessionsRevoked.type, size: 30, recorded: [] }]);
    expect(packed(parcels).flatMap(unpackEvents)).toEqual(events);
  });

  test('a few stay as they are, so do those between others of another type', () => {
    const few = some(7).map(serialize);
    expect(packEvents(few)).toEqual(few);
    const other = serialize(event(99, { type: accountFrozen.type }));
    const parcels = packEvents([...few, other, ...some(8).map(serialize)]);
    expect(parcels.slice(0, 8)).toEqual([...few, other]);
    expect(parcels.slice(8)).toMatchObject([{ size: 8 }]);
  });

  test('a pack has no more events than one batch of a consumer, and no more than 256 Ki characters', () => {
    const sizes = (parcels: readonly (SerializedEvent | PackedEvents)[]) => packed(parcels).map(({ size }) => size);
    expect(sizes(packEvents(some(2 * mostPacked + 10).map(serialize)))).toEqual([mostPacked, mostPacked, 10]);
    const large = some(50, { text: 'x'.repeat(20_000) });
    const parcels = packEvents(large.map(serialize));
    expect(sizes(parcels)).toEqual([12, 12, 12, 12]);
    expect(parcels).toHaveLength(6);
  });

  test('it tells which of the events belong to a trace that is recorded', () => {
    const events = some(10).map((one, index) => ({ ...one, traceparent: flags(index === 3 || index === 8) }));
    const [pack] = packed(packEvents(events.map(serialize)));
    expect(pack?.recorded).toEqual([4, 9].map((number) => ({ id: `evt_${number}`, traceparent: flags(true) })));
  });
});
