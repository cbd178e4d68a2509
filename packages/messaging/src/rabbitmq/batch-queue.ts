/** Items handed over in batches. */
export interface BatchQueue<Item> {
  push(item: Item): void;
  /** Waits for items; empty means that there will be no more. What is still here at the end is forgotten. */
  next(): Promise<Item[]>;
  end(): void;
}

/**
 * A batch is handed over when its items' weights make `size`, or `waitMs` after its first item. It is heavier only
 * where its one item is. For one reader.
 */
export function createBatchQueue<Item>(
  size: number,
  waitMs: number,
  weightOf: (item: Item) => number,
): BatchQueue<Item> {
  let items: Item[] = [];
  let weight = 0;
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
      weight += weightOf(item);
      signal();
    },
    next: async () => {
      await changed(() => items.length > 0 || ended);
      if (!ended) await changed(() => weight >= size || ended, waitMs);
      if (ended) return [];
      const taken = items.splice(0, countOf(items, size, weightOf));
      for (const item of taken) weight -= weightOf(item);
      return taken;
    },
    end: () => {
      ended = true;
      items = [];
      signal();
    },
  };
}

function countOf<Item>(items: readonly Item[], size: number, weightOf: (item: Item) => number): number {
  let weight = 0;
  const tooMany = items.findIndex((item) => {
    weight += weightOf(item);
    return weight > size;
  });
  return tooMany === -1 ? items.length : Math.max(1, tooMany);
}
