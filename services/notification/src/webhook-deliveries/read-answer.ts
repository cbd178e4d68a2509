import type { IncomingMessage } from 'node:http';

/** How much of an answer is kept, in bytes. */
export const keptAnswerBytes = 1_024;
const answerMs = 1_000;

/**
 * The beginning of an answer's body as text, and the end of its connection. What does not come within a second is not waited
 * for: the status has said everything.
 */
export async function readAnswer(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  response.on('error', () => {});
  const timer = setTimeout(() => response.destroy(), answerMs);
  try {
    for await (const chunk of response) {
      chunks.push(chunk as Buffer);
      length += (chunk as Buffer).length;
      if (length >= keptAnswerBytes) break;
    }
  } catch {
    // Broken off, by us or by them: what has come is what there is.
  } finally {
    clearTimeout(timer);
    response.destroy();
  }
  return textOf(Buffer.concat(chunks).subarray(0, keptAnswerBytes));
}

/** As UTF-8, without half a character at the end and without NUL, which Postgres can't keep. */
function textOf(bytes: Buffer): string {
  return new TextDecoder().decode(bytes, { stream: true }).replaceAll('\u0000', '\ufffd');
}
