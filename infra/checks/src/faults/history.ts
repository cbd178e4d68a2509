import { once } from 'node:events';
import { createReadStream, createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** What a call comes to for one movement of money that it asks for. */
export interface Effect {
  /** Names the movement. It stands in the description of a transfer, so that the ledger itself tells of a second one. */
  readonly request: string;
  readonly outcome: 'ok' | 'fail';
  /** `txn_…` where it is a transaction; a hold that is placed or voided is none. */
  readonly transaction?: string;
  readonly type: string;
  /** Minor units, as asked for. */
  readonly amount: string;
  readonly currency: string;
  /** uuid; null for one of the bank's own accounts. */
  readonly from: string | null;
  readonly to: string | null;
}

/**
 * One call and what its client was told. `ok`: 2xx. `fail`: 4xx, nothing has happened. `unknown`: 5xx, or no answer.
 * A call keeps its key until it is `ok` or `fail`.
 */
export interface HistoryLine {
  readonly key: string;
  readonly kind: string;
  /** Whom it was sent to. */
  readonly target: string;
  readonly outcome: 'ok' | 'fail' | 'unknown';
  /** Status, with the code of the problem; what broke the connection where there was no answer. */
  readonly answer: string;
  /** Sent after the outcome was known, to see whether it stays the same. */
  readonly replay?: true;
  /** Of the first definite answer only. */
  readonly effects?: readonly Effect[];
}

/** What the clients know, in a file and counted. */
export class History {
  readonly file: string;
  readonly answers = new Map<string, number>();
  /** Transactions that a client was told of. */
  acknowledged = 0;
  /** Movements that a client was told will not be. */
  failed = 0;
  /** Calls without a definite answer; each is made again. */
  unknown = 0;
  replays = 0;
  /** What clients found wrong by themselves. */
  readonly violations: string[] = [];
  readonly #stream: WriteStream;

  constructor(file: string) {
    this.file = file;
    this.#stream = createWriteStream(file, { mode: 0o600 });
  }

  write(line: HistoryLine): void {
    this.#stream.write(`${JSON.stringify(line)}\n`);
    const { outcome, answer, replay, effects = [] } = line;
    const told = outcome === 'unknown' ? `unknown: ${answer}` : answer;
    this.answers.set(told, (this.answers.get(told) ?? 0) + 1);
    if (outcome === 'unknown') this.unknown += 1;
    else if (replay) this.replays += 1;
    for (const effect of effects) {
      if (effect.outcome === 'fail') this.failed += 1;
      else if (effect.transaction !== undefined) this.acknowledged += 1;
    }
  }

  /** Writes out what is still in memory. Nothing may be written afterwards. */
  async close(): Promise<void> {
    this.#stream.end();
    await once(this.#stream, 'finish');
  }
}

/** The lines of a history that was closed, in the order in which they were written. */
export async function* readHistory(file: string): AsyncGenerator<HistoryLine> {
  for await (const line of createInterface({ input: createReadStream(file) })) yield JSON.parse(line) as HistoryLine;
}
