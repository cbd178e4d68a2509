import type { Guard } from './guard.ts';

/** One process of a service. */
export interface Instance {
  readonly url: string;
  /** Host and port of it. */
  readonly address: string;
  readonly guard: Guard;
}

/** Whether the process behind a URL takes requests just now. */
export type Probe = (url: string) => Promise<boolean>;

/**
 * The processes of one service, of which each request goes to one: the less busy of two drawn among those that are ready
 * and not failing. When none is, all are drawn from, since a wrong guess must not close a service.
 */
export class Instances {
  readonly #all: readonly Instance[];
  readonly #away = new Set<Instance>();

  /** At least one. */
  constructor(all: readonly [Instance, ...Instance[]]) {
    this.#all = all;
  }

  pick(): Instance {
    const [only] = this.#all;
    if (only !== undefined && this.#all.length === 1) return only;
    const good = this.#all.filter((instance) => !this.#away.has(instance) && !instance.guard.failing);
    const [first, second] = drawTwo(good.length > 0 ? good : this.#all);
    return second.guard.underWay < first.guard.underWay ? second : first;
  }

  /** A request could not reach it: leave it out until a probe finds it ready. */
  lost(instance: Instance): void {
    if (this.#all.length > 1) this.#away.add(instance);
  }

  /** Asks all once. A single process is never asked: there is no other to prefer. */
  async refresh(probe: Probe): Promise<void> {
    if (this.#all.length === 1) return;
    await Promise.all(
      this.#all.map(async (instance) => {
        if (await probe(instance.url)) this.#away.delete(instance);
        else this.#away.add(instance);
      }),
    );
  }

  close(): void {
    for (const { guard } of this.#all) guard.close();
  }
}

function drawTwo(instances: readonly Instance[]): [Instance, Instance] {
  const first = Math.floor(Math.random() * instances.length);
  const other = (first + 1 + Math.floor(Math.random() * (instances.length - 1))) % instances.length;
  const drawn = [instances[first], instances[other]];
  if (drawn[0] === undefined || drawn[1] === undefined) throw new RangeError('a service has at least one instance');
  return [drawn[0], drawn[1]];
}
