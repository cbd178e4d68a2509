/** What the answer to a challenge is for. */
export type ChallengePurpose = 'log_in' | 'register' | 'step_up';

/** Whose it is: nobody's for a login, else that of a session (uuid). */
export type ChallengeScope = { purpose: 'log_in' } | { purpose: 'register' | 'step_up'; sessionId: string };

/** How long an authenticator may take, in milliseconds. */
export const challengeLifeMs = 300_000;
