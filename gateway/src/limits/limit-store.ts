import type { Redis } from 'ioredis';
import { Counter } from 'prom-client';

/** Requests counted in the running window, the present one included, and ms until it ends. */
export interface Usage {
  readonly current: number;
  readonly ttl: number;
}

type Answer = (error: Error | null, usage?: Usage) => void;

/** The part of @fastify/rate-limit's store contract that the gateway uses. */
export interface LimitStore {
  incr(key: string, answer: Answer, windowMs: number): void;
  child(): LimitStore;
}

const fallbacks = new Counter({
  name: 'gateway_rate_limit_fallbacks_total',
  help: 'Requests counted in the process because Redis did not answer',
});

/** Counts per key in fixed windows in this process; holds at most `capacity` keys and forgets the oldest first. */
export class ProcessLimitStore implements LimitStore {
  readonly #windows = new Map<string, { count: number; endsAt: number }>();
  readonly #capacity: number;

  constructor(capacity = 100_000) {
    this.#capacity = capacity;
  }

  count(key: string, windowMs: number): Usage {
    const now = Date.now();
    let window = this.#windows.get(key);
    if (window === undefined || window.endsAt <= now) {
      window = { count: 0, endsAt: now + windowMs };
      this.#windows.delete(key);
      this.#windows.set(key, window);
      this.#forgetOldest();
    }
    window.count += 1;
    return { current: window.count, ttl: window.endsAt - now };
  }

  #forgetOldest(): void {
    if (this.#windows.size <= this.#capacity) return;
    const oldest = this.#windows.keys().next();
    if (!oldest.done) this.#windows.delete(oldest.value);
  }

  incr(key: string, answer: Answer, windowMs: number): void {
    answer(null, this.count(key, windowMs));
  }

  child(): LimitStore {
    return this;
  }
}

const script = `
local count = redis.call('INCR', KEYS[1])
local ttl = redis.call('PTTL', KEYS[1])
if ttl < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  ttl = tonumber(ARGV[1])
end
return { count, ttl }`;

const pauseAfterFailureMs = 1_000;

/**
 * Counts in Redis for all gateways together, and in the process whenever Redis does not answer in its command timeout.
 * After a failure Redis is left alone for a second, so that a frozen one delays one request in that time, not each.
 */
export class RedisLimitStore implements LimitStore {
  readonly #redis: Redis;
  readonly #namespace: string;
  readonly #fallback = new ProcessLimitStore();
  #leaveAloneUntil = 0;

  constructor(redis: Redis, namespace = 'florin:limit:') {
    this.#redis = redis;
    this.#namespace = namespace;
  }

  async #count(key: string, windowMs: number): Promise<Usage> {
    if (Date.now() < this.#leaveAloneUntil) return this.#inProcess(key, windowMs);
    try {
      const answer = await this.#redis.eval(script, 1, this.#namespace + key, windowMs);
      const [current, ttl] = answer as [number, number];
      return { current, ttl };
    } catch {
      this.#leaveAloneUntil = Date.now() + pauseAfterFailureMs;
      return this.#inProcess(key, windowMs);
    }
  }

  #inProcess(key: string, windowMs: number): Usage {
    fallbacks.inc();
    return this.#fallback.count(key, windowMs);
  }

  incr(key: string, answer: Answer, windowMs: number): void {
    void this.#count(key, windowMs).then((usage) => answer(null, usage));
  }

  child(): LimitStore {
    return this;
  }
}
