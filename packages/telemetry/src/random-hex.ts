import { randomFillSync } from 'node:crypto';

// Asking the system for each id costs more than all else about it.
const pool = Buffer.alloc(4096);
let used = pool.length;

/** Random bytes in hex, for ids of traces and spans; not for secrets. */
export function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString('hex', used - bytes, used);
}
