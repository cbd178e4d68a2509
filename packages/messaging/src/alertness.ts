import { errorCode, relayAwakeLock } from '@florin/database';
import type pg from 'pg';

/** Whether a relay looks at the outbox often enough for nobody to have to wake it. */
export interface Alertness {
  /** Look again soon, also without a notification. */
  readonly isAwake: boolean;
  /** Tells of each look at the outbox whether it found anything. */
  looked(hasFound: boolean): Promise<void>;
}

/** Looks in a row that found something, after which the relay stays awake. */
const awakeAfter = 3;
/** Looks in a row that found nothing, after which writers wake it again, … */
const notifiedAfter = 10;
/** … and after which it sleeps: whoever wrote without waking it has committed by then, or waits for the next poll. */
const asleepAfter = 20;

/**
 * Under load it holds the lock that tells writers not to notify. Getting it waits for the transactions that are about
 * to notify, 100 ms at most.
 */
export function createAlertness(client: pg.Client, schema: string): Alertness {
  let [found, missed] = [0, 0];
  let isAwake = false;
  let isHeld = false;

  return {
    get isAwake() {
      return isAwake;
    },
    looked: async (hasFound) => {
      found = hasFound ? found + 1 : 0;
      missed = hasFound ? 0 : missed + 1;
      if (!isHeld && found >= awakeAfter) {
        // Also where it fails: who saw this relay wait for the lock has not notified.
        isAwake = true;
        isHeld = await tryToHold(client, schema);
        found = 0;
      }
      if (isHeld && missed >= notifiedAfter) {
        await client.query('select pg_advisory_unlock(hashtext($1), hashtext($2))', [relayAwakeLock, schema]);
        isHeld = false;
      }
      if (missed >= asleepAfter) isAwake = false;
    },
  };
}

async function tryToHold(client: pg.Client, schema: string): Promise<boolean> {
  try {
    await client.query(
      `with wait as materialized (select set_config('lock_timeout', '100ms', true))
       select pg_advisory_lock(hashtext($1), hashtext($2)) from wait`,
      [relayAwakeLock, schema],
    );
    return true;
  } catch (error) {
    if (errorCode(error) === '55P03') return false;
    throw error;
  }
}
