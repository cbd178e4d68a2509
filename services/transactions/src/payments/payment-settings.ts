import { SettingsError } from '@florin/service';
import Type from 'typebox';
import type { ProviderSettings } from './providers/providers.ts';

/** What the environment says of payments: part of the service's settings. */
export const paymentSettings = {
  SANDBOX_PROVIDER_URL: Type.Optional(
    Type.String({
      pattern: '^https?://',
      description: 'Where the sandbox provider is; without it there is none, as it should be where money is real',
    }),
  ),
  SANDBOX_PROVIDER_API_KEY: Type.Optional(
    Type.String({ minLength: 16, secret: true, description: 'The key that the sandbox provider knows us by' }),
  ),
  SANDBOX_PROVIDER_WEBHOOK_SECRET: Type.Optional(
    Type.String({
      pattern: '^(whsec_)?[A-Za-z0-9+/]{32,}={0,2}$',
      secret: true,
      description: "Key of the sandbox provider's webhooks (Standard Webhooks): base64 of at least 24 bytes",
    }),
  ),
  PAYMENT_RECONCILE_AFTER_MS: Type.Integer({
    default: 30_000,
    minimum: 100,
    maximum: 86_400_000,
    description: 'How long a provider may be silent about a payment before it is asked what became of it',
  }),
};

/** The same as values. */
export interface PaymentEnv {
  SANDBOX_PROVIDER_URL?: string;
  SANDBOX_PROVIDER_API_KEY?: string;
  SANDBOX_PROVIDER_WEBHOOK_SECRET?: string;
  PAYMENT_RECONCILE_AFTER_MS: number;
}

/** What payments are run with. */
export interface PaymentConfig {
  providers: ProviderSettings;
  reconcileAfterMs: number;
}

/** Groups the settings. @throws {SettingsError} when a provider has an address but lacks its keys. */
export function toPaymentConfig(env: PaymentEnv): PaymentConfig {
  const { SANDBOX_PROVIDER_URL: url, SANDBOX_PROVIDER_API_KEY: apiKey } = env;
  const webhookSecret = env.SANDBOX_PROVIDER_WEBHOOK_SECRET;
  const reconcileAfterMs = env.PAYMENT_RECONCILE_AFTER_MS;
  if (url === undefined) return { providers: {}, reconcileAfterMs };
  if (apiKey === undefined || webhookSecret === undefined) {
    throw new SettingsError(
      'SANDBOX_PROVIDER_API_KEY and SANDBOX_PROVIDER_WEBHOOK_SECRET must be set where SANDBOX_PROVIDER_URL is',
    );
  }
  return { providers: { sandbox: { url, apiKey, webhookSecret } }, reconcileAfterMs };
}
