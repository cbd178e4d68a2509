import type pg from 'pg';
import { Counter, Gauge } from 'prom-client';

const pools = new Map<pg.Pool, string>();

function openPools(): Map<pg.Pool, string> {
  for (const pool of pools.keys()) if (pool.ending) pools.delete(pool);
  return pools;
}

const connections = new Gauge({
  name: 'database_pool_connections',
  help: 'Open connections of the pool, by state',
  labelNames: ['pool', 'state'],
  collect() {
    this.reset();
    for (const [pool, name] of openPools()) {
      connections.inc({ pool: name, state: 'idle' }, pool.idleCount);
      connections.inc({ pool: name, state: 'busy' }, pool.totalCount - pool.idleCount);
    }
  },
});

const waiting = new Gauge({
  name: 'database_pool_waiting',
  help: 'Callers waiting for a connection of the pool',
  labelNames: ['pool'],
  collect() {
    this.reset();
    for (const [pool, name] of openPools()) waiting.inc({ pool: name }, pool.waitingCount);
  },
});

/** Transactions run again after a deadlock or serialisation failure. */
export const transactionRetries = new Counter({
  name: 'database_transaction_retries_total',
  help: 'Transactions run again after a deadlock (40P01) or serialisation failure (40001)',
  labelNames: ['code'],
});

/** Shows the pool in the metrics under this name until it ends. Pools of the same name are added up. */
export function watchPool(pool: pg.Pool, name: string): void {
  pools.set(pool, name);
}
