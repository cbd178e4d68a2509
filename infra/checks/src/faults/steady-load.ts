import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BankAccount } from './bank.ts';

/** Requests that come at an even pace, whatever is broken. */
export interface SteadyLoad {
  /** Answers that were not 2xx, and connections that broke: when, since the start in milliseconds, and what. */
  readonly failures: { readonly atMs: number; readonly what: string }[];
  /** Milliseconds of each transfer that was answered with 2xx. */
  readonly times: number[];
  answers: number;
  stop(): Promise<void>;
}

/** Where requests go, by whom. */
export interface SteadyLoadOptions {
  readonly url: string;
  readonly from: BankAccount;
  readonly to: BankAccount;
  /** At once; each pauses after its answer. */
  readonly clients: number;
  readonly pauseMs: number;
  /** Asked before each request: false ends the load, as a load balancer takes a process out. */
  readonly isWanted?: () => boolean;
}

/** Sends transfers of the least amount and reads of a balance, in turns. No request is sent twice. */
export function startSteadyLoad(options: SteadyLoadOptions): SteadyLoad {
  const { clients, pauseMs, isWanted = () => true } = options;
  const startedAt = performance.now();
  let running = true;
  const load: Omit<SteadyLoad, 'stop'> = { failures: [], times: [], answers: 0 };
  const client = async () => {
    for (let count = 0; running && isWanted(); count += 1) {
      const sentAt = performance.now();
      const failure = await (count % 2 === 0 ? transfer(options) : balance(options));
      load.answers += 1;
      if (failure !== undefined) load.failures.push({ atMs: sentAt - startedAt, what: failure });
      else if (count % 2 === 0) load.times.push(performance.now() - sentAt);
      await sleep(pauseMs);
    }
  };
  const loops = Array.from({ length: clients }, client);
  return Object.assign(load, {
    stop: async () => {
      running = false;
      await Promise.all(loops);
    },
  });
}

function transfer({ url, from, to }: SteadyLoadOptions): Promise<string | undefined> {
  const body = { from: from.id, to: to.id, amount: '0.01', currency: from.currency };
  return sendOnce(`${url}/v1/transfers`, from, body);
}

function balance({ url, from }: SteadyLoadOptions): Promise<string | undefined> {
  return failureOf(`${url}/v1/accounts/${from.id}/balance`, { headers: bearer(from) });
}

/** POSTs once, as the owner of an account, with a key of its own; returns what went wrong, if anything. */
export function sendOnce(url: string, by: BankAccount, body: object): Promise<string | undefined> {
  return failureOf(url, {
    method: 'POST',
    headers: { ...bearer(by), 'content-type': 'application/json', 'idempotency-key': randomUUID() },
    body: JSON.stringify(body),
  });
}

const bearer = ({ owner }: BankAccount) => ({ authorization: `Bearer ${owner.token}` });

async function failureOf(url: string, request: RequestInit): Promise<string | undefined> {
  try {
    const reply = await fetch(url, { ...request, signal: AbortSignal.timeout(10_000) });
    const text = await reply.text();
    return reply.ok ? undefined : `${reply.status} ${text}`;
  } catch (error) {
    return error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
  }
}
