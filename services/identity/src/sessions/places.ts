import { readFile, stat } from 'node:fs/promises';
import { isIP, isIPv6 } from 'node:net';
import { type CityResponse, Reader } from 'mmdb-lib';

/** Roughly where an address is. `country` is ISO 3166-1 alpha-2. */
export interface Place {
  country: string;
  /** In English; null where the database knows countries only. */
  city: string | null;
}

/** Tells where addresses are. */
export interface Places {
  /** Null for private and unknown addresses, and for all where there is no database. */
  of(address: string | null): Place | null;
  /** Reads the database again where its file has changed. @throws Error when it cannot be read; the former one stays */
  refresh(): Promise<void>;
}

/** GeoLite2, GeoIP2 and DB-IP have one form of answer, others a flat one. */
type Located = CityResponse & { country_code?: string };

/**
 * Opens a database in MaxMind's format (mmdb); without a file no place is known.
 *
 * @throws Error in one line when the file cannot be read or is no such database
 */
export async function openPlaces(file: string | undefined): Promise<Places> {
  if (file === undefined) return { of: () => null, refresh: async () => {} };
  let { reader, changedAt } = await read(file);
  return {
    of: (address) => (address === null ? null : placeOf(reader, address)),
    async refresh() {
      if ((await stat(file)).mtimeMs !== changedAt) ({ reader, changedAt } = await read(file));
    },
  };
}

async function read(file: string): Promise<{ reader: Reader<Located>; changedAt: number }> {
  try {
    const { mtimeMs } = await stat(file);
    return { reader: new Reader<Located>(await readFile(file)), changedAt: mtimeMs };
  } catch (error) {
    throw new Error(`LOCATION_DATABASE cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

function placeOf(reader: Reader<Located>, address: string): Place | null {
  const isKnowable = isIP(address) !== 0 && !(isIPv6(address) && reader.metadata.ipVersion === 4);
  const found = isKnowable ? reader.get(address) : null;
  const country = found?.country?.iso_code ?? found?.country_code;
  return country ? { country, city: found?.city?.names?.en ?? null } : null;
}
