import CircuitBreaker from 'opossum';
import { Counter, Gauge } from 'prom-client';

/** The service was not asked: too many requests are under way there, or it has been failing. */
export class NotAskedError extends Error {
  override name = 'NotAskedError';
}

/** The service did not answer: unreachable, cut off, or past its deadline. */
export class UpstreamFailure extends Error {
  override name = 'UpstreamFailure';
  readonly timedOut: boolean;

  constructor(timedOut: boolean, cause?: unknown) {
    super(timedOut ? 'The service did not answer within its deadline' : 'The service cannot be reached', { cause });
    this.timedOut = timedOut;
  }
}

const breakerOpen = new Gauge({
  name: 'gateway_upstream_breaker_open',
  help: '1 while requests to the service are refused because it has been failing',
  labelNames: ['upstream', 'address'],
});
const refusals = new Counter({
  name: 'gateway_upstream_refusals_total',
  help: 'Requests that were answered 503 without asking the service',
  labelNames: ['upstream', 'address', 'reason'],
});

const failuresWindowMs = 5_000;
// With the one trial that follows, the first answer comes well within 3 s of the service being back.
const resetAfterMs = 1_000;
const fewestRequests = 5;

/** Which process of which service a guard stands before; the labels of its metrics. */
export interface Guarded {
  readonly upstream: string;
  /** Host and port. */
  readonly address: string;
}

/** Bounds what one process of a service may cost the gateway: at most `connections` exchanges under way, none while it fails. */
export class Guard {
  readonly #breaker: CircuitBreaker<[() => Promise<void>], void>;
  readonly #connections: number;
  readonly #guarded: Guarded;
  #underWay = 0;

  constructor(guarded: Guarded, connections: number) {
    this.#guarded = guarded;
    this.#connections = connections;
    this.#breaker = new CircuitBreaker((exchange: () => Promise<void>) => exchange(), {
      name: `${guarded.upstream} at ${guarded.address}`,
      timeout: false,
      resetTimeout: resetAfterMs,
      rollingCountTimeout: failuresWindowMs,
      errorThresholdPercentage: 50,
      volumeThreshold: fewestRequests,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      errorFilter: (error) => !(error instanceof UpstreamFailure),
    });
    const labels = { upstream: guarded.upstream, address: guarded.address };
    breakerOpen.set(labels, 0);
    this.#breaker.on('open', () => breakerOpen.set(labels, 1));
    this.#breaker.on('close', () => breakerOpen.set(labels, 0));
  }

  /** Exchanges under way. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Whether requests are refused because the service has been failing; not while the one trial is still to be had. */
  get failing(): boolean {
    return this.#breaker.opened || (this.#breaker.halfOpen && !this.#breaker.pendingClose);
  }

  /** Reserves one exchange. The caller must call the returned function when it is over, any number of times. */
  enter(): () => void {
    if (this.#underWay >= this.#connections) {
      refusals.inc({ ...this.#guarded, reason: 'busy' });
      throw new NotAskedError('Too many requests are under way at the service');
    }
    this.#underWay += 1;
    let over = false;
    return () => {
      if (!over) this.#underWay -= 1;
      over = true;
    };
  }

  /**
   * Runs `exchange`, which resolves when the service has answered with anything and rejects with UpstreamFailure when
   * it has not. Rejects with NotAskedError, without running it, while the service is failing.
   */
  async run(exchange: () => Promise<void>): Promise<void> {
    try {
      await this.#breaker.fire(exchange);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EOPENBREAKER')) throw error;
      refusals.inc({ ...this.#guarded, reason: 'breaker' });
      throw new NotAskedError('The service has been failing', { cause: error });
    }
  }

  /** Stops the breaker's timers. */
  close(): void {
    this.#breaker.shutdown();
  }
}
