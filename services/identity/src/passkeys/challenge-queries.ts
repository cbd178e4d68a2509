import { createHash, randomBytes } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import type { Tables } from '../tables.ts';
import { type ChallengeScope, challengeLifeMs } from './challenge.ts';

/** Makes a challenge of 256 random bits. Only its hash is kept. */
export async function issueChallenge(db: Kysely<Tables>, scope: ChallengeScope): Promise<Buffer<ArrayBuffer>> {
  const challenge = Buffer.from(randomBytes(32));
  await db
    .insertInto('passkey_challenges')
    .values({
      challenge_hash: hashOf(challenge.toString('base64url')),
      purpose: scope.purpose,
      session_id: 'sessionId' in scope ? scope.sessionId : null,
      expires_at: sql<Date>`now() + ${challengeLifeMs} * interval '1 millisecond'`,
    })
    .execute();
  return challenge;
}

/**
 * Spends a challenge, in base64url as an authenticator's client repeats it; false when it is unknown, spent, expired or of
 * another scope. Of parallel uses one succeeds.
 */
export async function spendChallenge(db: Kysely<Tables>, scope: ChallengeScope, challenge: string): Promise<boolean> {
  const sessionId = 'sessionId' in scope ? scope.sessionId : null;
  const spent = await db
    .deleteFrom('passkey_challenges')
    .where('challenge_hash', '=', hashOf(challenge))
    .where('purpose', '=', scope.purpose)
    .where('session_id', 'is not distinct from', sessionId)
    .where('expires_at', '>', sql<Date>`clock_timestamp()`)
    .returning('purpose')
    .executeTakeFirst();
  return spent !== undefined;
}

function hashOf(challenge: string): Buffer {
  return createHash('sha256').update(challenge).digest();
}
