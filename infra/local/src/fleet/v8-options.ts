/**
 * How every process of the fleet runs V8; the same in the packages' `start` and in the images. A full collection marks the whole
 * heap on the threads that answer requests, which then wait for tens of milliseconds, so all of this is there to make it rare.
 *
 * - A young generation of 32 MiB, twice V8's own, which does not shrink in between: what a request makes dies young in it.
 * - The next full collection at three times what the last one left, MiB that a heap of some 40 can spare. V8's own limit for
 *   a small heap lies within the size of the young generation, and then it collects whenever that is full.
 * - One helping thread: four of them on two cores, beside Postgres and other processes, mostly wait for each other.
 */
export const v8Options = [
  '--min-semi-space-size=32',
  '--max-semi-space-size=32',
  '--heap-growing-percent=200',
  '--v8-pool-size=1',
] as const;
