/** A background worker over rows of a table; see startWorkLoop. */
export interface WorkLoop {
  /** Looks for work now instead of at the next poll. Cheap, never throws, may be called at any time. */
  wake(): void;
  /** Claims nothing more and resolves when everything already claimed is done. */
  close(): Promise<void>;
}

/** What a work loop needs from its owner. */
export interface WorkLoopOptions<Item> {
  /** Takes at most `limit` due rows and leases them, so that no other process takes them meanwhile. */
  claim(limit: number): Promise<Item[]>;
  /** Does one item and records the result. When it throws, the row's lease runs out and the item comes again. */
  work(item: Item): Promise<void>;
  /** Told of every failed claim and every item that threw. */
  onError(error: unknown): void;
  /** Items worked on at the same time. */
  concurrency: number;
  /** The longest time until due work is noticed when nobody calls wake(), in milliseconds. */
  pollMs: number;
}

/**
 * Works on claimed rows with bounded concurrency, woken at once by wake() and by polling otherwise.
 * A slow item occupies one place and holds up no other. Durability lies in the rows: whatever is lost here with the
 * process is claimed again when its lease has run out.
 */
export function startWorkLoop<Item>(options: WorkLoopOptions<Item>): WorkLoop {
  const inFlight = new Set<Promise<void>>();
  let claiming: Promise<void> | undefined;
  let again = false;
  let closed = false;

  function start(item: Item): void {
    const running = options
      .work(item)
      .catch(options.onError)
      .finally(() => {
        inFlight.delete(running);
        if (again) wake();
      });
    inFlight.add(running);
  }

  async function claimWhileThereIsWork(): Promise<void> {
    do {
      const capacity = options.concurrency - inFlight.size;
      // With no place free, `again` stays set and the next finished item comes back here.
      if (capacity <= 0) return;
      again = false;
      const items = await options.claim(capacity);
      items.forEach(start);
      if (items.length === capacity) again = true;
    } while (again && !closed);
  }

  function wake(): void {
    if (closed) return;
    again = true;
    if (claiming) return;
    claiming = claimWhileThereIsWork()
      .catch((error: unknown) => {
        again = false;
        options.onError(error);
      })
      .finally(() => {
        claiming = undefined;
        // A wake or a freed place that came while the last claim was ending.
        if (again && inFlight.size < options.concurrency) wake();
      });
  }

  const poll = setInterval(wake, options.pollMs);
  wake();
  return {
    wake,
    async close() {
      closed = true;
      clearInterval(poll);
      await claiming;
      await Promise.all(inFlight);
    },
  };
}
