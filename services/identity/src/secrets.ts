import { hkdfSync } from 'node:crypto';

/** Keys for one purpose each, all derived from KEY_ENCRYPTION_KEY. 32 bytes each. */
export interface Secrets {
  /** Encrypts the private signing keys in the database. */
  signingKeys: Buffer;
  /** Makes and checks refresh tokens. */
  refreshTokens: Buffer;
  /** Hides the emails at which passwords are guessed. */
  guessedEmails: Buffer;
  /** Keys the fingerprints of requests that hold a password, which a plain hash would leave open to guessing. */
  fingerprints: Buffer;
  /** Encrypts the secrets of second factors in the database. */
  secondFactors: Buffer;
  /** Keys the hashes of recovery codes. */
  recoveryCodes: Buffer;
  /** Encrypts answers that are kept for replays and hold a secret. */
  keptAnswers: Buffer;
}

/** Derives the keys (HKDF-SHA-256). The same master key gives the same keys in every process and release. */
export function deriveSecrets(masterKey: Buffer): Secrets {
  const derive = (purpose: string) => Buffer.from(hkdfSync('sha256', masterKey, '', `florin/identity/${purpose}`, 32));
  return {
    signingKeys: derive('signing-keys'),
    refreshTokens: derive('refresh-tokens'),
    guessedEmails: derive('guessed-emails'),
    fingerprints: derive('fingerprints'),
    secondFactors: derive('second-factors'),
    recoveryCodes: derive('recovery-codes'),
    keptAnswers: derive('kept-answers'),
  };
}
