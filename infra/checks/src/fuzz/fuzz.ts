import fc from 'fast-check';
import { AnswerRules } from './answers.ts';
import { callOf, type Document, operationsOf } from './operations.ts';
import type { Caller } from './placeholders.ts';
import { type FuzzRequest, requestsOf } from './requests.ts';
import { type Answer, send } from './send.ts';
import type { World } from './world.ts';

/** What to do. */
export interface FuzzOptions {
  readonly url: string;
  readonly document: Document;
  readonly world: World;
  readonly seed: number;
  readonly requests: number;
  /** These and no others, in place of those that the seed gives. */
  readonly only?: readonly FuzzRequest[];
  /** No request is begun after this many seconds. */
  readonly limitSeconds?: number;
  /** Told of progress now and then. */
  readonly onProgress?: (sent: number) => void;
}

/** One kind of fault at one call, with the first request that showed it. */
export interface Finding {
  readonly call: string;
  readonly kind: string;
  readonly times: number;
  /** The number of the request, from 0: its place among those that the seed gives. */
  readonly index: number;
  readonly request: FuzzRequest;
  readonly details: string;
}

/** What came of it. */
export interface FuzzReport {
  readonly seed: number;
  readonly sent: number;
  readonly byStatus: Readonly<Record<string, number>>;
  /** Calls that never answered with a 2xx or 3xx: what lies behind them was not reached. */
  readonly neverDone: readonly string[];
  readonly findings: readonly Finding[];
}

const chunk = 500;
const atOnce = 8;
const renewEvery = 1_000;

/** The requests of a seed in their order, made as they are needed. */
function* requestsOfSeed(document: Document, seed: number, count: number): Generator<FuzzRequest> {
  const arbitrary = requestsOf(document);
  for (let first = 0; first < count; first += chunk) {
    const size = Math.min(chunk, count - first);
    // Small differences of the seed make quite other samples.
    yield* fc.sample(arbitrary, { seed: seed + first, numRuns: chunk }).slice(0, size);
  }
}

class Tally {
  readonly byStatus: Record<string, number> = {};
  readonly done = new Set<string>();
  readonly findings = new Map<string, Finding>();
  sent = 0;

  count(call: string, status: number): void {
    this.byStatus[status] = (this.byStatus[status] ?? 0) + 1;
    if (status < 400) this.done.add(call);
  }

  add(finding: Omit<Finding, 'times'>): void {
    const key = `${finding.call} ${finding.kind}`;
    const known = this.findings.get(key);
    this.findings.set(key, { ...(known ?? finding), times: (known?.times ?? 0) + 1 });
  }
}

/** Sends as many generated requests, some at once, and holds every answer against the document. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { document, seed, requests, limitSeconds = Number.POSITIVE_INFINITY } = options;
  const rules = new AnswerRules(document);
  const tally = new Tally();
  const repairs = new Repairs(options.world);
  const pending = options.only?.values() ?? requestsOfSeed(document, seed, requests);
  const ends = performance.now() + limitSeconds * 1000;
  const sender = async () => {
    for (const request of pending) {
      if (performance.now() > ends) return;
      const index = tally.sent++;
      if (index > 0 && index % renewEvery === 0) repairs.renew();
      if (index % chunk === 0) options.onProgress?.(index);
      await repairs.done();
      await judge(options, { tally, rules, repairs }, { request, index });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, sender));
  const { byStatus, sent, findings, done } = tally;
  const neverDone = operationsOf(document)
    .map(callOf)
    .filter((call) => !done.has(call));
  return { seed, sent, byStatus, neverDone, findings: [...findings.values()] };
}

interface Judges {
  readonly tally: Tally;
  readonly rules: AnswerRules;
  readonly repairs: Repairs;
}

async function judge(
  options: FuzzOptions,
  { tally, rules, repairs }: Judges,
  { request, index }: { request: FuzzRequest; index: number },
): Promise<void> {
  const { call, caller } = request;
  const answer = await answerTo(options, request);
  if (answer instanceof Error) {
    tally.add({ call, kind: 'no answer', index, request, details: answer.message });
    return;
  }
  tally.count(call, answer.status);
  if (answer.status === 401 && /"(unauthenticated|token_expired)"/.test(answer.text)) repairs.signIn(caller);
  const fault = rules.faultOf(request, answer);
  if (fault) tally.add({ call, kind: fault.kind, index, request, details: fault.details });
}

/** Requests end sessions and disable people: whoever was signed in is signed in again, while the others wait. */
class Repairs {
  readonly #world: World;
  #running: Promise<void> | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  renew(): void {
    this.#begin(() => this.#world.renew());
  }

  signIn(caller: Caller): void {
    if (caller !== 'nobody') this.#begin(() => this.#world.signIn(caller).catch(() => this.#world.renew()));
  }

  async done(): Promise<void> {
    await this.#running;
  }

  #begin(work: () => Promise<void>): void {
    this.#running ??= work().finally(() => {
      this.#running = undefined;
    });
    // Whoever waits hears of a failure.
    this.#running.catch(() => undefined);
  }
}

async function answerTo({ url, world }: FuzzOptions, request: FuzzRequest): Promise<Answer | Error> {
  const { call, caller, path, headers, body } = request;
  const token = world.token(caller);
  const filled = Object.entries(headers).map(([name, value]) => [name, world.fill(value)] as const);
  try {
    return await send(url, {
      method: call.split(' ', 1)[0] ?? '',
      path: world.fill(path).replaceAll(' ', '%20'),
      headers: { ...(token && { authorization: `Bearer ${token}` }), ...Object.fromEntries(filled) },
      ...(body && { body: Buffer.from(world.fill(body.text), body.encoding) }),
    });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
