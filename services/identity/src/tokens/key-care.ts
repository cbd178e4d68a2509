import type { createLogger } from '@florin/telemetry';
import { databaseNow } from '../database-clock.ts';
import { signingKeyAge, signingKeyDue } from '../metrics.ts';
import { type Repeated, repeat } from '../repeat.ts';
import { type KeyStore, tendSigningKeys } from './rotate-signing-keys.ts';
import { nextRotation, type RotationRules, signingKey } from './rotation-plan.ts';
import { readSigningKeys } from './signing-key-queries.ts';

const careMs = 15_000;

/** Keeps the signing keys on schedule, retires those that are over, and measures their age, until closed. */
export function startKeyCare(store: KeyStore, rules: RotationRules, logger: ReturnType<typeof createLogger>): Repeated {
  const care = async () => {
    // First: where the rest fails, this tells.
    await measureSigningKeys(store, rules);
    const done = await tendSigningKeys(store, rules);
    if (done?.coming) logger.info({ ...done.coming }, 'signing key made');
    if (done !== undefined && done.retired.length > 0) logger.info({ kids: done.retired }, 'signing keys retired');
  };
  return repeat(care, careMs, (error) => logger.error({ err: error }, 'signing keys could not be looked after'));
}

/** Brings the metrics of the signing keys up to date. */
export async function measureSigningKeys({ db }: Pick<KeyStore, 'db'>, rules: RotationRules): Promise<void> {
  const keys = await readSigningKeys(db);
  const now = new Date(await databaseNow(db));
  const secondsFromNow = (time: Date) => (time.getTime() - now.getTime()) / 1000;
  const signing = signingKey(keys, now);
  if (signing !== undefined) signingKeyAge.set(-secondsFromNow(signing.notBefore));
  const next = nextRotation(keys, now, rules);
  signingKeyDue.set(next === undefined ? Number.POSITIVE_INFINITY : secondsFromNow(next));
}
