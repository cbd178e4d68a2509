import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, type Call, isOk } from './calls.ts';
import type { History, HistoryLine } from './history.ts';
import type { Random } from './random.ts';

/** Where calls can be sent. */
export interface Target {
  readonly name: string;
  readonly url: string;
}

/** How a teller works. */
export interface TellerOptions {
  readonly history: History;
  readonly random: Random;
  /** The first choice and the others; which is tried first is the call's. */
  readonly targets: readonly Target[];
  /** An answer takes this long at most, milliseconds. */
  readonly timeoutMs: number;
  /** A call whose outcome is not known after this long breaks the promise that it becomes known, milliseconds. */
  readonly patienceMs: number;
  /** Share of the calls that are sent once more although their outcome is known. */
  readonly replayShare: number;
}

type Outcome =
  | { readonly kind: 'ok' | 'fail'; readonly answer: Answer; readonly told: string }
  | { readonly kind: 'unknown'; readonly told: string };

type Note = (outcome: Outcome, target: Target) => void;

/** Makes calls as a careful client does, and writes down what it is told. */
export class Teller {
  readonly #options: TellerOptions;

  constructor(options: TellerOptions) {
    this.#options = options;
  }

  /**
   * Sends a call until its outcome is known, each time to the next target, and then, where it was unknown before and now
   * and then otherwise, once more: the answer must be the same, byte for byte.
   *
   * @param first place of the target to begin with
   * @throws Error when the outcome stays unknown
   */
  async settle(call: Call, first: number): Promise<Answer> {
    const { history, random, replayShare } = this.#options;
    const { answer, tries } = await this.#untilKnown(call, first, (outcome, target) => {
      const effects = outcome.kind === 'unknown' ? {} : { effects: call.effects(outcome.answer) };
      history.write({ ...lineOf(call, target, outcome), ...effects });
    });
    if (tries > 1 || random.chance(replayShare)) {
      const again = await this.#untilKnown(call, first + tries, this.#noteReplay(call));
      if (again.answer.text !== answer.text || again.answer.status !== answer.status) {
        history.violations.push(`I7: ${call.key} was answered ${answer.text}, then ${again.answer.text}`);
      }
    }
    return answer;
  }

  /** The same call from two clients at once: both must get the same answer. */
  async settleTwice(call: Call, first: number): Promise<Answer> {
    const { history } = this.#options;
    const twin = this.#untilKnown(call, first + 1, this.#noteReplay(call));
    const [answer, other] = await Promise.all([this.settle(call, first), twin]);
    if (answer.text !== other.answer.text) {
      history.violations.push(`I7: two clients of ${call.key} were answered ${answer.text} and ${other.answer.text}`);
    }
    return answer;
  }

  #noteReplay(call: Call): Note {
    const { history } = this.#options;
    return (outcome, target) => history.write({ ...lineOf(call, target, outcome), replay: true });
  }

  async #untilKnown(call: Call, first: number, note: Note): Promise<{ answer: Answer; tries: number }> {
    const { history, targets, patienceMs } = this.#options;
    const deadline = Date.now() + patienceMs;
    for (let tries = 1; ; tries += 1) {
      const target = targets[(first + tries - 1) % targets.length];
      if (target === undefined) throw new Error('There is nowhere to send calls.');
      const outcome = await this.#send(call, target);
      note(outcome, target);
      if (outcome.told.startsWith('500'))
        history.violations.push(`${call.key} was answered ${outcome.told} by ${target.name}`);
      if (outcome.kind !== 'unknown') return { answer: outcome.answer, tries };
      if (Date.now() > deadline) throw new Error(`I7: the outcome of ${call.key} is still unknown: ${outcome.told}`);
      await sleep(Math.min(1000, 50 * 2 ** Math.min(tries, 5)));
    }
  }

  async #send(call: Call, target: Target): Promise<Outcome> {
    try {
      const reply = await fetch(new URL(call.path, target.url), {
        method: 'POST',
        headers: {
          authorization: `Bearer ${call.by.token}`,
          'content-type': 'application/json',
          'idempotency-key': call.key,
        },
        body: JSON.stringify(call.body),
        signal: AbortSignal.timeout(this.#options.timeoutMs),
      });
      return judge({ status: reply.status, text: await reply.text() });
    } catch (error) {
      return { kind: 'unknown', told: reasonOf(error) };
    }
  }
}

/** Only a 4xx says that nothing has happened, and not the one that says that it is happening right now. */
function judge(answer: Answer): Outcome {
  if (isOk(answer)) return { kind: 'ok', answer, told: String(answer.status) };
  const told = `${answer.status} ${codeOf(answer)}`;
  const isOpen = answer.status >= 500 || told === '409 idempotency_in_progress';
  return isOpen ? { kind: 'unknown', told } : { kind: 'fail', answer, told };
}

function codeOf({ text }: Answer): string {
  try {
    return String((JSON.parse(text) as { code?: unknown }).code);
  } catch {
    return 'without a problem body';
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && 'code' in cause ? String(cause.code) : error.name;
}

function lineOf({ key, kind }: Call, { name }: Target, outcome: Outcome): HistoryLine {
  return { key, kind, target: name, outcome: outcome.kind, answer: outcome.told };
}
