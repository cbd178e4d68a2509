import Type from 'typebox';
import { type SealKey, sealKey } from './seal-key.ts';

/** What the environment says of seals: part of the service's settings. */
export const sealSettings = {
  LEDGER_SEAL_KEY: Type.String({
    pattern: '^[A-Za-z0-9+/_-]{43,128}={0,2}$',
    secret: true,
    description:
      'Base64 of 32 or more random bytes, the same in every process: the signing key of seals follows from it. Whoever changes it keeps the old public key for `verify`',
  }),
  LEDGER_SEAL_INTERVAL_MS: Type.Integer({
    default: 1_000,
    minimum: 100,
    maximum: 3_600_000,
    description: 'How often new transactions are sealed',
  }),
};

/** What sealing is run with. */
export interface SealConfig {
  readonly key: SealKey;
  readonly intervalMs: number;
}

/** Groups the settings. */
export function toSealConfig(env: { LEDGER_SEAL_KEY: string; LEDGER_SEAL_INTERVAL_MS: number }): SealConfig {
  return { key: sealKey(Buffer.from(env.LEDGER_SEAL_KEY, 'base64')), intervalMs: env.LEDGER_SEAL_INTERVAL_MS };
}
