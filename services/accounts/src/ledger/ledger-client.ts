import type { FastifyBaseLogger } from 'fastify';
import CircuitBreaker from 'opossum';
import { Histogram } from 'prom-client';
import type { LedgerStatus } from '../accounts/account.ts';
import type { LimitsView } from '../accounts/limits.ts';

/** An account as the ledger is told of it. `owner` and `id` are TypeIDs. */
export interface LedgerAccount {
  id: string;
  owner: string;
  currency: string;
  accountNumber: string;
  status: LedgerStatus;
  limits: LimitsView;
  /** The ledger ignores what is older than it has, and answers a repeat like the first time. */
  version: number;
}

/** `unknown`: no answer, or none that says whether it has taken effect; telling again is safe. */
export type LedgerOutcome = { kind: 'applied' } | { kind: 'refused'; code: string } | { kind: 'unknown' };

/** The way to the ledger. Never throws. */
export interface LedgerClient {
  putAccount(account: LedgerAccount): Promise<LedgerOutcome>;
  close(): void;
}

export interface LedgerClientOptions {
  /** Base URL of the transactions service. */
  url: string;
  tokens: { tokenFor(audience: string): Promise<string> };
  logger: Pick<FastifyBaseLogger, 'warn'>;
}

const deadlineMs = 1_000;
/** After this the open breaker lets one call through to see whether the ledger is back. */
const retryMs = 1_000;
const concurrency = 64;

const duration = new Histogram({
  name: 'ledger_call_seconds',
  help: 'Time of calls to the ledger, by what came of them',
  labelNames: ['outcome'],
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
});

/**
 * Tells the ledger of accounts, with 1 s for each call including its service token, at most 64 at once, and a breaker
 * that answers `unknown` at once while the ledger is away.
 */
export function createLedgerClient(options: LedgerClientOptions): LedgerClient {
  const breaker = new CircuitBreaker((account: LedgerAccount) => put(options, account), {
    name: 'ledger',
    timeout: deadlineMs,
    capacity: concurrency,
    resetTimeout: retryMs,
    errorThresholdPercentage: 50,
    volumeThreshold: 5,
    rollingPercentilesEnabled: false,
  });
  return {
    async putAccount(account) {
      const stop = duration.startTimer();
      const outcome = await breaker.fire(account).catch((error: unknown): LedgerOutcome => {
        options.logger.warn({ err: error, account: account.id }, 'the ledger could not be told of an account');
        return { kind: 'unknown' };
      });
      stop({ outcome: outcome.kind });
      return outcome;
    },
    close: () => breaker.shutdown(),
  };
}

async function put(options: LedgerClientOptions, account: LedgerAccount): Promise<LedgerOutcome> {
  const signal = AbortSignal.timeout(deadlineMs);
  const token = await options.tokens.tokenFor('transactions');
  const { id, ...body } = account;
  const response = await fetch(new URL(`/internal/ledger-accounts/${id}`, options.url), {
    method: 'PUT',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
    redirect: 'error',
    signal,
  });
  const answer = await response.text();
  if (response.ok) return { kind: 'applied' };
  const code = response.status === 409 || response.status === 422 ? problemCode(answer) : undefined;
  if (code !== undefined) return { kind: 'refused', code };
  throw new Error(`The ledger answered ${response.status}`);
}

function problemCode(text: string): string | undefined {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body !== 'object' || body === null || !('code' in body)) return undefined;
    return typeof body.code === 'string' ? body.code : undefined;
  } catch {
    return undefined;
  }
}
