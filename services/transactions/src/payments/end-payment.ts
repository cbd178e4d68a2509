import type { Database } from '@florin/database';
import { parseId } from '@florin/service';
import { context } from '@opentelemetry/api';
import type { FastifyBaseLogger } from 'fastify';
import { ensureSystemAccounts, systemAccountId } from '../accounts/system-accounts.ts';
import type { Command } from '../engine/command.ts';
import type { PostingEngine } from '../engine/posting-engine.ts';
import type { Tables } from '../tables.ts';
import { disputed, payments, suspended } from './payment-metrics.ts';
import { findPaymentFacts, type PaymentFacts } from './payment-queries.ts';
import type { PaymentFailure, PaymentReport } from './providers/provider.ts';
import { decideFailure, decideReport, type Effect } from './settle-payment.ts';

/** What ending a payment needs. */
export interface LedgerAccess {
  db: Database<Tables>;
  engine: PostingEngine;
  logger: Pick<FastifyBaseLogger, 'warn' | 'error'>;
}

/**
 * Brings a provider's report to the ledger and resolves after the commit. Safe to repeat, and in any order: a payment
 * ends once. `unknown` means that we have no such payment with this provider.
 * @throws ProblemError upstream_unavailable when the ledger did not take the command; the report then has to come again.
 */
export async function bringReport(
  access: LedgerAccess,
  provider: string,
  report: PaymentReport,
): Promise<Effect | 'unknown'> {
  const id = parseId('txn', report.reference);
  const payment = id === undefined ? undefined : await findPaymentFacts(access.db, provider, id);
  if (!payment) {
    access.logger.warn({ provider, reference: report.reference }, 'a provider reports a payment that is not ours');
    return 'unknown';
  }
  const { currency } = payment;
  const [external, suspense] = [`external:${provider}`, 'suspense'];
  await ensureSystemAccounts(access.db, [
    { name: external, currency },
    { name: suspense, currency },
  ]);
  const settlement = {
    paymentId: payment.id,
    external: systemAccountId(external, currency),
    customer: payment.accountId,
    suspense: systemAccountId(suspense, currency),
    initiatedBy: payment.initiatedBy,
    traceId: payment.traceId,
    context: context.active(),
  };
  const effect = await submit(access.engine, {
    id: payment.id,
    kind: `${payment.type}_settlement`,
    accounts: [settlement.external, settlement.customer, settlement.suspense],
    payments: [payment.id],
    holds: holdsOf(payment),
    context: settlement.context,
    decide: (state) => decideReport(state, report, settlement),
  });
  note(access, payment, report, effect);
  return effect;
}

/** Ends a payment that its provider has refused to take. */
export async function failPayment(access: LedgerAccess, payment: PaymentFacts, failure: PaymentFailure): Promise<void> {
  const trace = context.active();
  const effect = await submit(access.engine, {
    id: payment.id,
    kind: `${payment.type}_failure`,
    accounts: [payment.accountId],
    payments: [payment.id],
    holds: holdsOf(payment),
    context: trace,
    decide: (state) => decideFailure(state, payment.id, failure, trace),
  });
  if (effect === 'fail') payments.inc({ provider: payment.provider, type: payment.type, status: 'failed' });
}

/** A withdrawal's money is kept by a hold of the same uuid. */
function holdsOf({ id, type }: PaymentFacts): string[] {
  return type === 'withdrawal' ? [id] : [];
}

async function submit(engine: PostingEngine, command: Command): Promise<Effect> {
  const { body } = await engine.submit(command);
  const answer: { effect: Effect } = JSON.parse(body);
  return answer.effect;
}

function note({ logger }: LedgerAccess, payment: PaymentFacts, report: PaymentReport, effect: Effect): void {
  const { provider, type } = payment;
  const details = { provider, reference: report.reference, providerReference: report.providerReference };
  if (effect === 'settle' || effect === 'suspend') payments.inc({ provider, type, status: 'posted' });
  if (effect === 'fail') payments.inc({ provider, type, status: 'failed' });
  if (effect === 'suspend') {
    suspended.inc({ provider });
    logger.error(details, 'a payment was credited to suspense: its account cannot take it');
  }
  if (effect === 'mismatch' || effect === 'contradiction') {
    disputed.inc({ provider, reason: effect });
    logger.error({ ...details, reason: effect }, 'a provider contradicts what we know of a payment');
  }
}
