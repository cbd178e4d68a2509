import { randomBytes } from 'node:crypto';
import { type Answer, send } from '../fuzz/send.ts';
import type { Canary } from './leaks.ts';

/** What a request has beyond its method and path. */
export interface CallOptions {
  readonly token?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer with its body read as JSON, `{}` where there is none. */
export type JournalAnswer = Answer & { readonly body: Record<string, unknown> };

/** Makes canaries and calls, and keeps all of both. */
export class Journal {
  /** Secrets that went in: they stand in no answer either. */
  readonly given: Canary[] = [];
  /** Secrets that an answer or a mail gave to their owner. */
  readonly made: Canary[] = [];
  readonly answers: { readonly call: string; readonly status: number; readonly text: string }[] = [];
  readonly #gateway: string;

  constructor(gateway: string) {
    this.#gateway = gateway;
  }

  /** A new secret, unlike any other text. */
  give(name: string, shape: (random: string) => string = (random) => random): string {
    const value = shape(`Canary${randomBytes(10).toString('hex')}`);
    this.given.push({ name, value });
    return value;
  }

  /** Notes a secret that came from the fleet. */
  take(name: string, value: unknown): string {
    if (typeof value !== 'string' || value === '') throw new Error(`there is no ${name}`);
    this.made.push({ name, value });
    return value;
  }

  async call(request: string, { token, body, headers = {} }: CallOptions = {}): Promise<JournalAnswer> {
    const [method = '', path = ''] = request.split(' ');
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await send(this.#gateway, {
      method,
      path,
      headers: {
        ...(text !== undefined && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(text !== undefined && { body: Buffer.from(text) }),
    });
    this.answers.push({
      call: request,
      status: answer.status,
      text: `${JSON.stringify(answer.headers)} ${answer.text}`,
    });
    const isJson = answer.headers['content-type']?.includes('json');
    return { ...answer, body: isJson ? (JSON.parse(answer.text) as Record<string, unknown>) : {} };
  }

  /** As `call`. @throws Error unless the answer is a 2xx: a journey that does not get on finds nothing */
  async done(request: string, options: CallOptions = {}): Promise<JournalAnswer> {
    const answer = await this.call(request, options);
    if (answer.status >= 300) throw new Error(`${request} answered ${answer.status}: ${answer.text}`);
    return answer;
  }
}
