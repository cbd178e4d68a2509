/** The longest that ACCESS_TOKEN_SECONDS may be, in seconds; other tokens live shorter. */
export const longestTokenSeconds = 3_600;

/** How much clocks may differ, and a process may be late to learn of a newer key. */
const slackMs = 60_000;

/** A key that has not been retired. */
export interface KeyTimes {
  kid: string;
  /** It signs from then on, until a newer key does. */
  notBefore: Date;
}

/** When keys change. Milliseconds. */
export interface RotationRules {
  /** How long one key signs; undefined: until somebody asks for another. */
  periodMs: number | undefined;
  /** How long a key is published before it signs: longer than any verifier takes to read the key set again. */
  leadMs: number;
}

/** What is due. */
export interface RotationPlan {
  /** Make a key that signs from then on. */
  add: Date | undefined;
  /** Keys whose tokens have all expired. */
  retire: string[];
}

/** The key that signs: the newest whose time has come. `keys` has the newest first. */
export function signingKey<Key extends KeyTimes>(keys: readonly Key[], now: Date): Key | undefined {
  return keys.find(({ notBefore }) => notBefore <= now);
}

/** When another key should sign, on schedule; undefined where there is no schedule. */
export function nextRotation(keys: readonly KeyTimes[], now: Date, { periodMs }: RotationRules): Date | undefined {
  const newest = keys[0];
  if (newest !== undefined && newest.notBefore > now) return newest.notBefore;
  return newest && periodMs !== undefined ? new Date(newest.notBefore.getTime() + periodMs) : undefined;
}

/**
 * What to do now about `keys`, the newest first. A key is made `leadMs` before it has to sign, and never while another waits for its
 * time. A key is retired when the one after it has signed for longer than any token lives.
 */
export function planRotation(keys: readonly KeyTimes[], now: Date, rules: RotationRules): RotationPlan {
  const isOver = ({ notBefore }: KeyTimes) =>
    notBefore.getTime() + longestTokenSeconds * 1000 + slackMs <= now.getTime();
  const retire = keys.filter((_key, index) => keys.slice(0, index).some(isOver)).map(({ kid }) => kid);
  const isComing = keys.some(({ notBefore }) => notBefore > now);
  const next = nextRotation(keys, now, rules);
  const earliest = now.getTime() + rules.leadMs;
  const isDue = !isComing && next !== undefined && next.getTime() <= earliest;
  return { add: isDue ? new Date(Math.max(next.getTime(), earliest)) : undefined, retire };
}
