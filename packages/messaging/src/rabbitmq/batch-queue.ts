/** Items handed over in batches. */
export interface BatchQueue<Item> {
  push(item: Item): void;
  /** Waits for items; empty means that there will be no more. What is still here at the end is forgotten. */
  next(): Promise<Item[]>;
  end(): void;
}

/** A batch is handed over when it is full, or `waitMs` after its first item. For one reader. */
export function createBatchQueue<Item>(size: number, waitMs: number): BatchQueue<Item> {
  let items: Item[] = [];
  let ended = false;
  let signal = () => {};
  const changed = (until: () => boolean, ms?: number) =>
    new Promise<void>((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(done, ms);
      function done() {
        clearTimeout(timer);
        signal = () => {};
        resolve();
      }
      signal = () => {
        if (until()) done();
      };
      signal();
    });
  return {
    push: (item) => {
      items.push(item);
      signal();
    },
    next: async () => {
      await changed(() => items.length > 0 || ended);
      if (!ended) await changed(() => items.length >= size || ended, waitMs);
      return ended ? [] : items.splice(0, size);
    },
    end: () => {
      ended = true;
      items = [];
      signal();
    },
  };
}
