import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { locationDatabase } from '../testing/location-database.ts';
import { openPlaces } from './places.ts';

const folder = mkdtempSync(join(tmpdir(), 'florin-places-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const berlin = { country: { iso_code: 'DE' }, city: { names: { en: 'Berlin' } } };

function fileOf(known: Parameters<typeof locationDatabase>[0]): string {
  const file = join(folder, `${Math.random()}.mmdb`);
  writeFileSync(file, locationDatabase(known));
  return file;
}

describe('places', () => {
  it('are read from databases of both common forms', async () => {
    const places = await openPlaces(fileOf({ '192.0.2.7': berlin, '198.51.100.9': { country_code: 'LU' } }));
    expect(places.of('192.0.2.7')).toEqual({ country: 'DE', city: 'Berlin' });
    expect(places.of('198.51.100.9')).toEqual({ country: 'LU', city: null });
  });

  it('are null for addresses that are not known, of the other family, or none', async () => {
    const places = await openPlaces(fileOf({ '192.0.2.7': berlin }));
    for (const address of ['192.0.2.8', '127.0.0.1', '2001:db8::c000:207', '::ffff:192.0.2.7', 'unknown', null]) {
      expect(places.of(address)).toBeNull();
    }
    expect((await openPlaces(undefined)).of('192.0.2.7')).toBeNull();
  });

  it('follow a file that has been replaced, and keep the former one while it is unreadable', async () => {
    const file = fileOf({ '192.0.2.7': berlin });
    const places = await openPlaces(file);
    const replace = (bytes: Buffer, seconds: number) => {
      writeFileSync(file, bytes);
      utimesSync(file, seconds, seconds);
    };
    replace(Buffer.from('half of a download'), 1_000);
    await expect(places.refresh()).rejects.toThrow(/^LOCATION_DATABASE cannot be read: /);
    expect(places.of('192.0.2.7')).toEqual({ country: 'DE', city: 'Berlin' });
    replace(locationDatabase({ '192.0.2.7': { country_code: 'CH' } }), 2_000);
    await places.refresh();
    expect(places.of('192.0.2.7')).toEqual({ country: 'CH', city: null });
  });

  it('of a file that is not there, or none, are an error in one line', async () => {
    for (const file of [join(folder, 'nothing.mmdb'), folder, import.meta.filename]) {
      await expect(openPlaces(file)).rejects.toThrow(/^LOCATION_DATABASE cannot be read: [^\n]+$/);
    }
  });
});
