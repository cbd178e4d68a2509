// A program: the posting engine with callers in the same process, for some seconds. Argument: file with an EngineOrder as
// JSON; output: a Measurement as JSON.
import { readFileSync } from 'node:fs';
import { allScopes, type UserPrincipal } from '@florin/auth';
import { createDatabase, createPool, relayAwakeLock } from '@florin/database';
import { formatId, newUuid } from '@florin/service';
import { settings } from '../../../../services/transactions/src/config.ts';
import { batchSize } from '../../../../services/transactions/src/engine/engine-metrics.ts';
import { createPostingEngine } from '../../../../services/transactions/src/engine/posting-engine.ts';
import type { Tables } from '../../../../services/transactions/src/tables.ts';
import { postTransfer, type TransferDesk } from '../../../../services/transactions/src/transfers/post-transfer.ts';
import { openPolicy } from '../../../../services/transactions/src/transfers/transfer-policy.ts';
import { type Measurement, percentile } from '../measurement.ts';
import { accountCount, accountUuid } from '../seed.ts';
import type { EngineOrder } from './measure-engine.ts';

// As long as V8 takes to compile what a service that has run for a while has long compiled.
const warmUpMs = 4000;
const schema = 'transactions';

// Made before: what a caller costs counts as the engine's.
const accounts = Array.from({ length: accountCount }, (_, number) => formatId('acc', accountUuid(number)));

const order = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as EngineOrder;
process.stdout.write(`${JSON.stringify(await measure(order))}\n`);

async function measure({ url, owner, shape, callers, seconds }: EngineOrder): Promise<Measurement> {
  const { desk, close } = await openDesk(url);
  const caller = principalOf(owner);
  const times: number[] = [];
  const began = performance.now() + warmUpMs;
  const ends = began + seconds * 1000;
  let refused = 0;
  const call = async () => {
    for (let now = performance.now(); now < ends; ) {
      const answer = await transfer(desk, caller, shape);
      const done = performance.now();
      if (answer.status !== 201) refused += 1;
      else if (done >= began && done < ends) times.push(done - now);
      now = done;
    }
  };
  await Promise.all(Array.from({ length: callers }, call));
  const { values } = await batchSize.get();
  const total = (suffix: string) => values.find(({ metricName }) => metricName?.endsWith(suffix))?.value ?? Number.NaN;
  await close();
  const sorted = Float64Array.from(times).sort();
  return {
    perSecond: sorted.length / seconds,
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    batchSize: total('_sum') / total('_count'),
    notes: refused === 0 ? [] : [`${refused} transfers were refused`],
  };
}

/** The engine with the service's own defaults and transfer rules; everything after HTTP and tokens, before the relay. */
async function openDesk(url: string): Promise<{ desk: TransferDesk; close(): Promise<void> }> {
  const pool = createPool({ url, schema, applicationName: 'bench' });
  const db = createDatabase<Tables>(pool);
  // As under load, when the relay looks by itself and no commit has to notify it.
  const relay = await pool.connect();
  await relay.query('select pg_advisory_lock(hashtext($1), hashtext($2))', [relayAwakeLock, schema]);
  const engine = createPostingEngine({
    lanes: defaultOf('LEDGER_LANES'),
    maxBatch: defaultOf('LEDGER_MAX_BATCH'),
    maxQueue: defaultOf('LEDGER_MAX_QUEUE'),
    deadlineMs: defaultOf('LEDGER_DEADLINE_MS'),
    database: { url, schema, applicationName: 'bench-ledger', connectTimeoutMs: 1000, queryTimeoutMs: 2000 },
    clock: () => new Date(),
    logger: { error: () => {}, warn: () => {} },
  });
  return {
    desk: { engine, db, findByNumber: async () => undefined, policy: openPolicy },
    close: async () => {
      await engine.close();
      relay.release(true);
      await db.destroy();
    },
  };
}

function defaultOf(name: 'LEDGER_LANES' | 'LEDGER_MAX_BATCH' | 'LEDGER_MAX_QUEUE' | 'LEDGER_DEADLINE_MS'): number {
  const schema: object = settings.properties[name];
  if ('default' in schema && typeof schema.default === 'number') return schema.default;
  throw new Error(`${name} has no default.`);
}

function principalOf(userId: string): UserPrincipal {
  const session = formatId('ses', newUuid());
  const id = formatId('usr', userId);
  return { kind: 'user', id, userId, sessionId: session, roles: ['customer'], scopes: [...allScopes] };
}

function transfer(desk: TransferDesk, caller: UserPrincipal, shape: EngineOrder['shape']) {
  const half = accountCount / 2;
  const from = shape === 'hot' ? 0 : between(1, half);
  const to = shape === 'hot' ? between(1, accountCount) : between(half, accountCount);
  const wish = { amount: 10n, currency: 'USD', description: null, metadata: {} };
  return postTransfer(
    desk,
    { ...wish, from: accounts[from] ?? '', to: accounts[to] ?? '' },
    { caller, key: newUuid(), fingerprint: Buffer.alloc(32), path: '/v1/transfers', traceId: '0'.repeat(32) },
  );
}

function between(first: number, end: number): number {
  return first + Math.floor(Math.random() * (end - first));
}
