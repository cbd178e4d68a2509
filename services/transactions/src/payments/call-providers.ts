import { formatId, startWorkLoop, type WorkLoop } from '@florin/service';
import { bringReport, failPayment, type LedgerAccess } from './end-payment.ts';
import {
  type ClaimedPayment,
  claimDuePayments,
  markSubmitted,
  scheduleCall,
  scheduleResubmission,
} from './payment-queries.ts';
import type { GuardedProvider } from './provider-calls.ts';
import { ProviderUnclear } from './providers/provider.ts';
import { nextCallDelayMs } from './report-rules.ts';

const pollMs = 500;
// Longer than a call's deadline and the ledger's together.
const leaseMs = 15_000;
const concurrency = 16;
const submission = { baseMs: 500, maxMs: 30_000 };
const longestSilenceMs = 10 * 60_000;

/** A provider to call. */
export interface Calling {
  name: string;
  provider: GuardedProvider;
  /** How long it may be silent about a payment that it took before it is asked, in milliseconds. */
  reconcileAfterMs: number;
}

type Caller = LedgerAccess & Calling;

/**
 * Calls a provider about each of its payments that has not ended: first to submit it, until the provider has definitely
 * taken or refused it; then, when its webhook does not come, to ask what became of it. All of it is kept in the row, so
 * a call that was lost with its process is made again, by whichever process comes first. A payment's id is the
 * provider's idempotency key, so a repeated submission is the same payment.
 *
 * While the breaker is open payments stay where they are, so that all of them go out as soon as the provider is back.
 */
export function startCallingProvider(access: LedgerAccess, calling: Calling): WorkLoop {
  const caller = { ...access, ...calling };
  return startWorkLoop({
    claim: async (limit) => {
      const allowed = calling.provider.allowance(limit);
      return allowed === 0 ? [] : claimDuePayments(access.db, calling.name, allowed, leaseMs);
    },
    work: (payment) => callAbout(caller, payment),
    onError: (error) => access.logger.error({ err: error }, 'a payment could not be worked on'),
    concurrency,
    pollMs,
  });
}

async function callAbout(caller: Caller, payment: ClaimedPayment): Promise<void> {
  try {
    await (payment.submitted ? ask(caller, payment) : submit(caller, payment));
  } catch (error) {
    // Our key or address is wrong: nothing that a retry heals, so it must not look like an outage.
    const ours = error instanceof ProviderUnclear && (error.status ?? 500) < 500;
    const details = { err: error, provider: caller.name, payment: formatId('txn', payment.id) };
    caller.logger[ours ? 'error' : 'warn'](details, 'a call to a provider gave no definite answer');
    await scheduleCall(caller.db, payment.id, delayAfter(caller, payment));
  }
}

function delayAfter(caller: Caller, { submitted, attempts }: ClaimedPayment): number {
  const [baseMs, maxMs] = submitted
    ? [caller.reconcileAfterMs, longestSilenceMs]
    : [submission.baseMs, submission.maxMs];
  return nextCallDelayMs(baseMs, maxMs, attempts, Math.random());
}

async function submit(caller: Caller, payment: ClaimedPayment): Promise<void> {
  const { id, type, amount, currency, source: instrument } = payment;
  const order = { type, reference: formatId('txn', id), amount, currency, instrument };
  const answer = await caller.provider.submit(order);
  if (answer.kind === 'refused') await failPayment(caller, payment, answer.failure);
  else await markSubmitted(caller.db, id, answer.providerReference, caller.reconcileAfterMs);
}

async function ask(caller: Caller, payment: ClaimedPayment): Promise<void> {
  const report = await caller.provider.find({ type: payment.type, reference: formatId('txn', payment.id) });
  if (!report) return scheduleResubmission(caller.db, payment.id);
  const effect = await bringReport(caller, caller.name, report);
  // Whatever has not ended the payment leaves it to be asked about again, less and less often.
  if (effect === 'waiting' || effect === 'mismatch') {
    await scheduleCall(caller.db, payment.id, delayAfter(caller, payment));
  }
}
