import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from './fault-kinds.ts';
import type { Random } from './random.ts';

/** Who makes things go wrong. */
export interface Nemesis {
  /** How often each fault has struck, by target and kind. */
  readonly struck: ReadonlyMap<string, number>;
  /** Faults that could not be done or undone: the suite's own trouble. */
  readonly failures: string[];
  /** Each fault has struck so often at least. */
  rounds(): number;
  /** Strikes no more. */
  tire(): void;
  /** Strikes no more, and waits until all that was struck is undone. */
  stop(): Promise<void>;
}

/** How often and how many. */
export interface NemesisOptions {
  readonly random: Random;
  /** Faults at the same time, on different targets. */
  readonly atOnce: number;
  print(line: string): void;
}

/** Lets all faults strike in an order of chance, then again in another. */
export function startNemesis(faults: readonly Fault[], options: NemesisOptions): Nemesis {
  const { random, atOnce, print } = options;
  const struck = new Map(faults.map((fault) => [nameOf(fault), 0]));
  const failures: string[] = [];
  const underWay = new Map<string, Promise<void>>();
  const startedAt = Date.now();
  let deck: Fault[] = [];
  let running = true;

  const rounds = () => Math.min(...struck.values());

  function next(): Fault | undefined {
    if (deck.length === 0) deck = random.shuffle(faults);
    const index = deck.findIndex(({ target }) => !underWay.has(target));
    return index < 0 ? undefined : deck.splice(index, 1)[0];
  }

  async function strike(fault: Fault): Promise<void> {
    const at = ((Date.now() - startedAt) / 1000).toFixed(1);
    try {
      await fault.strike();
      struck.set(nameOf(fault), (struck.get(nameOf(fault)) ?? 0) + 1);
      print(`${at} s: ${nameOf(fault)}, ${((Date.now() - startedAt) / 1000 - Number(at)).toFixed(1)} s`);
    } catch (error) {
      failures.push(`${nameOf(fault)}: ${error instanceof Error ? error.message : error}`);
    } finally {
      underWay.delete(fault.target);
    }
  }

  async function loop(): Promise<void> {
    while (running) {
      const fault = underWay.size < atOnce ? next() : undefined;
      if (fault !== undefined) underWay.set(fault.target, strike(fault));
      // Once everything has struck, there is more time between: the work is to get done as well.
      await sleep(random.between(200, 900) * (rounds() === 0 ? 1 : 4));
    }
    await Promise.all(underWay.values());
  }

  const looping = loop();
  return {
    struck,
    failures,
    rounds,
    tire: () => {
      running = false;
    },
    stop: async () => {
      running = false;
      await looping;
    },
  };
}

function nameOf({ target, kind }: Fault): string {
  return `${target} ${kind}`;
}
