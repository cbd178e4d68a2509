import type { Database } from '@florin/database';
import { newUuid, startWorkLoop, type WorkLoop } from '@florin/service';
import { context, trace } from '@opentelemetry/api';
import type { FastifyBaseLogger } from 'fastify';
import { Counter } from 'prom-client';
import type { PostingEngine } from '../engine/posting-engine.ts';
import type { Tables } from '../tables.ts';
import { decideExpiry } from './hold-end.ts';
import { dueHolds } from './hold-queries.ts';

const tracer = trace.getTracer('florin.holds');
const pollMs = 1_000;
const concurrency = 64;

const expiries = new Counter({
  name: 'holds_expired_total',
  help: 'Due holds that this process has brought before the ledger',
});

/** What it works with. */
export interface ExpiryOptions {
  readonly db: Database<Tables>;
  readonly engine: PostingEngine;
  readonly logger: Pick<FastifyBaseLogger, 'error'>;
}

/**
 * Expires holds whose time is up. Nothing is leased: two replicas may bring the same hold before the ledger, which lets
 * it expire once.
 */
export function startExpiringHolds({ db, engine, logger }: ExpiryOptions): WorkLoop {
  const underWay = new Set<string>();
  return startWorkLoop({
    claim: async (limit) => {
      const due = await dueHolds(db, new Date(), limit, [...underWay]);
      for (const { id } of due) underWay.add(id);
      return due;
    },
    work: async (hold) => {
      try {
        await expireHold(engine, hold);
      } finally {
        underWay.delete(hold.id);
      }
    },
    onError: (error) => logger.error({ err: error }, 'a hold could not be expired'),
    concurrency,
    pollMs,
  });
}

/**
 * Brings a due hold before the ledger, which lets it expire if nothing has ended it before. Each expiry is a trace of its
 * own. Ids are uuids.
 */
export async function expireHold(
  engine: PostingEngine,
  { id, accountId }: { id: string; accountId: string },
): Promise<void> {
  await tracer.startActiveSpan('hold.expire', { root: true }, async (span) => {
    const active = context.active();
    try {
      await engine.submit({
        id: newUuid(),
        kind: 'hold_expiry',
        accounts: [accountId],
        holds: [id],
        context: active,
        decide: (state) => decideExpiry(state, id, accountId, active),
      });
      expiries.inc();
    } finally {
      span.end();
    }
  });
}
