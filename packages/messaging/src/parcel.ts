import type { CloudEvent } from '@florin/contracts';
import { type PackedEvents, type SerializedEvent, serialize, unpackEvents } from '@florin/database';

/** What is published: an event as it is, one that is written already, or several packed ones. */
export type Parcel = CloudEvent | SerializedEvent | PackedEvents;

/** A parcel that is ready to travel. */
export type ReadyParcel = SerializedEvent | PackedEvents;

/** Writes what is not written yet. */
export function ready(parcel: Parcel): ReadyParcel {
  return 'specversion' in parcel ? serialize(parcel) : parcel;
}

/** Whether several events are in it. */
export function isPacked(parcel: ReadyParcel): parcel is PackedEvents {
  return 'zstd' in parcel;
}

/** The events of parcels, one by one. */
export function opened(parcels: readonly ReadyParcel[]): SerializedEvent[] {
  return parcels.flatMap((parcel) => (isPacked(parcel) ? unpackEvents(parcel).map(serialize) : [parcel]));
}

/** How many events are in the parcels. */
export function sizeOf(parcels: readonly ReadyParcel[]): number {
  return parcels.reduce((sum, parcel) => sum + (isPacked(parcel) ? parcel.size : 1), 0);
}
