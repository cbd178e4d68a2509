/** What the load generator is told. */
export interface LoadOrder {
  /** http://host:port */
  readonly target: string;
  readonly connections: number;
  readonly seconds: number;
  /** Answers before that don't count. */
  readonly warmUpSeconds: number;
  /** Requests a second over all connections; without it each connection sends as soon as it has its answer. */
  readonly rate?: number;
  readonly calls: Calls;
}

/** What is asked for. */
export type Calls =
  | {
      readonly kind: 'transfers';
      /** Token of the owner of account n: that with the number n modulo their count. */
      readonly tokens: readonly string[];
      readonly shape: 'spread' | 'hot';
      /** Accounts in the game; with fewer, each is moved more often. */
      readonly accounts: number;
    }
  | { readonly kind: 'batches'; readonly tokens: readonly string[]; readonly size: number }
  | { readonly kind: 'balances'; readonly tokens: readonly string[] }
  | { readonly kind: 'logins'; readonly people: readonly Credentials[] };

/** What somebody logs in with. */
export interface Credentials {
  readonly email: string;
  readonly password: string;
}

/** What the load generator tells. Times in milliseconds. */
export interface LoadResult {
  /** Answers with the expected status in the time that counts. */
  readonly answers: number;
  /** All answers, also those of the warm-up. */
  readonly total: number;
  /** Processor time of the generator itself. */
  readonly cpuSeconds: number;
  readonly perSecond: number;
  readonly p50: number | null;
  readonly p99: number | null;
  /** Other answers, by status; 0 is a connection that broke or did not answer. */
  readonly others: Record<string, number>;
}
