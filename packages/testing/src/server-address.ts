import 'vitest';

/** Where a test finds a server of the run. */
export interface ServerAddress {
  url: string;
  /** Part of every database name of this run. */
  run: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where workers ask for the run's servers. */
    florinTestServers: string;
  }
}
