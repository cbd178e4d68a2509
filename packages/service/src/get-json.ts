/** Which values have a form; what TypeBox compiles is one. */
export interface Form<Value> {
  Check(value: unknown): value is Value;
}

/** A question to another service. */
export interface JsonQuestion<Value> {
  /** Of the caller or of this service. A caller's own is passed on as it came: he is given what he may see, and no more. */
  authorization: string;
  /** What the answer must be. What the form does not name is not looked at. */
  form: Form<Value>;
  /** Ends it, also while the answer is still coming in. */
  signal: AbortSignal;
  /** A longer answer is not read to its end; 16 MiB unless told. */
  maxBytes?: number;
}

/** The other service has answered, and not with a 2xx. */
export class AnswerStatusError extends Error {
  override readonly name = 'AnswerStatusError';
  readonly status: number;

  constructor(path: string, status: number) {
    super(`${path} answered ${status}`);
    this.status = status;
  }
}

const usualMaxBytes = 16 * 1024 * 1024;

/**
 * What another service answers to a GET. Redirects are not followed: the authorization is for that service alone.
 *
 * @throws {AnswerStatusError} for anything but a 2xx
 * @throws {Error} without an answer, or for one that is too long or of another form
 */
export async function getJson<Value>(url: URL, question: JsonQuestion<Value>): Promise<Value> {
  const { authorization, form, signal, maxBytes = usualMaxBytes } = question;
  const headers = { accept: 'application/json', authorization };
  const response = await fetch(url, { headers, redirect: 'error', signal });
  if (!response.ok) {
    await response.body?.cancel();
    throw new AnswerStatusError(url.pathname, response.status);
  }
  const answer: unknown = JSON.parse(await textOf(response, maxBytes));
  if (!form.Check(answer)) throw new Error(`${url.pathname} answered with something of another form`);
  return answer;
}

async function textOf(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    // Leaving the loop breaks the connection off.
    if (length > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
