import { parseArgs } from 'node:util';

/** The parts of the benchmark, in the order in which they run. */
export const parts = ['engine', 'service', 'gateway', 'batch', 'events', 'proxy', 'logins'] as const;
export type Part = (typeof parts)[number];

/** What the command line may say. */
export interface BenchOptions {
  /** Length of one run; each measure has `rounds` of them. */
  readonly seconds: number;
  /** How often floor and measure take turns. The table shows medians. */
  readonly rounds: number;
  readonly only: readonly Part[];
  readonly transport: 'embedded' | 'rabbitmq';
  /** Writes CPU profiles of every process of the fleet and prints where their time went; figures are then too low. */
  readonly profile: boolean;
  /** No further run is begun after this many seconds; what is left says so in its row. */
  readonly limitSeconds: number;
}

/** @throws Error with one line for a word it does not know */
export function readOptions(words: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: words.filter((word) => word !== '--'),
    options: {
      seconds: { type: 'string', default: '4' },
      rounds: { type: 'string', default: '3' },
      only: { type: 'string', default: parts.join(',') },
      transport: { type: 'string', default: 'embedded' },
      profile: { type: 'boolean', default: false },
      limit: { type: 'string', default: '540' },
    },
  });
  const only = values.only.split(',');
  if (!only.every(isPart)) throw new Error(`--only takes ${parts.join(', ')}, separated by commas.`);
  const { transport } = values;
  if (transport !== 'embedded' && transport !== 'rabbitmq') {
    throw new Error('--transport takes embedded or rabbitmq.');
  }
  return {
    seconds: numberOf('--seconds', values.seconds, 60),
    rounds: numberOf('--rounds', values.rounds, 9),
    only,
    transport,
    profile: values.profile,
    limitSeconds: numberOf('--limit', values.limit, 3600),
  };
}

function isPart(word: string): word is Part {
  return (parts as readonly string[]).includes(word);
}

function numberOf(name: string, text: string, max: number): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > max)
    throw new Error(`${name} takes 1 to ${max}, not ${text}.`);
  return number;
}
