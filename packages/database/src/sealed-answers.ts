import { type IdempotentAnswer, type IdempotentCall, runIdempotently, type WorkAnswer } from './idempotency.ts';
import type { Database, Transaction } from './kysely.ts';
import { seal, unseal } from './sealing.ts';

/** A call whose answer holds a secret. */
export interface SealedCall extends IdempotentCall {
  /** 32 bytes. */
  sealingKey: Buffer;
  /** Says what the answer is, and of which caller and key; bound in, so that kept answers cannot be swapped. */
  context: string;
}

/**
 * As `runIdempotently`, for an answer with a secret in it: a replay gives the same secret, and whoever reads the database finds
 * none, since the answer is kept encrypted. A kept refusal (422) is no secret and stands there as it is.
 *
 * @throws Error when an answer was kept under another sealing key; and what `runIdempotently` throws
 */
export async function runSealed<Tables>(
  db: Database<Tables>,
  call: SealedCall,
  work: (tx: Transaction<Tables>) => Promise<WorkAnswer>,
): Promise<IdempotentAnswer> {
  const { sealingKey, context } = call;
  const answer = await runIdempotently(db, call, async (tx) => {
    const { status, body } = await work(tx);
    if (status >= 300) return { status, body };
    return { status, body: seal(sealingKey, context, Buffer.from(JSON.stringify(body))).toString('base64') };
  });
  if (answer.status >= 300) return answer;
  const sealed = Buffer.from(String(JSON.parse(answer.body)), 'base64');
  return { ...answer, body: unseal(sealingKey, context, sealed).toString() };
}
