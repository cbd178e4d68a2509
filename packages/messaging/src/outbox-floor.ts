/**
 * Positions that were missing when a higher one was there: of a transaction that has not committed yet, or of one that
 * never will.
 */
interface Gap {
  from: bigint;
  to: bigint;
  noticedAt: number;
  /** Transactions that may still fill it have lower ids; undefined until a snapshot has told. */
  filledBefore?: bigint;
}

/** What is running in the database: ids of transactions. */
export interface RunningTransactions {
  /** All lower ones have ended. */
  oldest: bigint;
  /** All that begin from now on get this or a higher one. */
  next: bigint;
}

/** Transactions that write an outbox are ended by the server after 5 s without a statement, and so are statements. */
const longestTransactionMs = 15_000;

/**
 * Up to where an outbox holds nothing that is still to be published: reading from there does not cross the dead rows
 * of what was published before, of which an old snapshot anywhere can keep very many.
 *
 * Positions are given out in order, but commit in any: the floor stays below every gap until all transactions that
 * began before the gap was seen have ended. Each account's events keep their order with that, since the second of two
 * changes of an account takes its position after the commit of the first.
 */
export class OutboxFloor {
  #highest = 0n;
  #gaps: Gap[] = [];

  /** Nothing at or below this position is to be expected. */
  get position(): bigint {
    const [lowest] = this.#gaps;
    return lowest === undefined ? this.#highest : lowest.from - 1n;
  }

  /** Whether `close` has something to do. */
  get hasGaps(): boolean {
    return this.#gaps.length > 0;
  }

  /** These positions, in rising order, have been published and deleted. */
  settle(positions: readonly bigint[], now: number): void {
    for (const position of positions) {
      if (position <= this.#highest) this.#fill(position);
      else {
        const next = this.#highest + 1n;
        if (position > next) this.#gaps.push({ from: next, to: position - 1n, noticedAt: now });
        this.#highest = position;
      }
    }
  }

  /**
   * Gives up the gaps that nothing can fill any more. `running` was asked before a read of all positions above the
   * floor up to `readTo`; `found` are those that the read saw.
   */
  close(running: RunningTransactions, found: readonly bigint[], readTo: bigint, now: number): void {
    this.#gaps = this.#gaps.filter((gap) => {
      const isOver = gap.filledBefore !== undefined && running.oldest >= gap.filledBefore;
      gap.filledBefore ??= running.next;
      if (gap.to > readTo || found.some((position) => position >= gap.from && position <= gap.to)) return true;
      return !isOver && now - gap.noticedAt < longestTransactionMs;
    });
  }

  #fill(position: bigint): void {
    const index = this.#gaps.findIndex(({ from, to }) => from <= position && position <= to);
    const gap = this.#gaps[index];
    if (gap === undefined) return;
    const parts = [
      { ...gap, to: position - 1n },
      { ...gap, from: position + 1n },
    ];
    this.#gaps.splice(index, 1, ...parts.filter(({ from, to }) => from <= to));
  }
}
