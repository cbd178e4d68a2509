import { type IncomingMessage, request as requestByHttp } from 'node:http';
import { request as requestByHttps } from 'node:https';
import { guardConnection, onlyThese } from '../webhook-targets/pinned-connection.ts';
import {
  type Address,
  NameUnknown,
  type Resolve,
  resolveHost,
  TargetRefused,
} from '../webhook-targets/resolve-host.ts';
import { hostOf, type PrivateTargets, urlFault } from '../webhook-targets/target-url.ts';
import { readAnswer } from './read-answer.ts';

/** Why an attempt got no answer. `refused`: the URL leads to where nothing is sent; `unsigned`: its secrets can't be read. */
export type SendError = 'refused' | 'name_unknown' | 'timeout' | 'tls' | 'connection' | 'unsigned';

/** What came of an attempt: the receiver's status and the beginning of its answer, or why there is none. */
export type SendResult = { readonly status: number; readonly answer: string } | { readonly error: SendError };

/** How webhooks are sent. */
export interface SendOptions {
  readonly privateTargets: PrivateTargets;
  readonly resolve: Resolve;
  /** For all of an attempt but the body of the answer. */
  readonly deadlineMs: number;
}

/** A request as it goes out. */
export interface OutgoingWebhook {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Posts a webhook to an address that was checked a moment ago, and to no other: the name is resolved here and nowhere else, no
 * redirect is followed, no connection is used again. Certificates are verified whatever the environment says. Ends within the
 * deadline and a second.
 *
 * @throws when `closing` ends it
 */
export async function sendWebhook(
  webhook: OutgoingWebhook,
  options: SendOptions,
  closing: AbortSignal,
): Promise<SendResult> {
  const deadline = AbortSignal.timeout(options.deadlineMs);
  try {
    if (urlFault(webhook.url, options.privateTargets) !== undefined) return { error: 'refused' };
    const url = new URL(webhook.url);
    const addresses = await untilAborted(resolveHost(hostOf(url), options), deadline);
    const response = await post(url, webhook, addresses, AbortSignal.any([deadline, closing]));
    return { status: response.statusCode ?? 0, answer: await readAnswer(response) };
  } catch (error) {
    closing.throwIfAborted();
    return { error: deadline.aborted ? 'timeout' : errorOf(error) };
  }
}

function errorOf(error: unknown): SendError {
  if (error instanceof TargetRefused) return 'refused';
  if (error instanceof NameUnknown) return 'name_unknown';
  const code = String((error as { code?: unknown }).code ?? '');
  return /CERT|TLS|SSL|SIGNED|ALTNAME/.test(code) ? 'tls' : 'connection';
}

/** A look-up can't be aborted, only no longer waited for. */
async function untilAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  return await Promise.race([work, aborted]);
}

function post(
  url: URL,
  { headers, body }: OutgoingWebhook,
  addresses: readonly Address[],
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const bytes = Buffer.from(body);
  const request = url.protocol === 'https:' ? requestByHttps : requestByHttp;
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method: 'POST',
      headers: {
        ...{ 'content-type': 'application/json', 'content-length': bytes.length, 'user-agent': 'Florin-Webhooks/1' },
        ...headers,
      },
      agent: false,
      lookup: onlyThese(addresses),
      rejectUnauthorized: true,
      signal,
    });
    guardConnection(outgoing, addresses);
    // For as long as it lives: what breaks after the answer's head is nobody's error.
    outgoing.once('response', resolve).on('error', reject);
    outgoing.end(bytes);
  });
}
