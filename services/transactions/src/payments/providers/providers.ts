import type { PaymentProvider } from './provider.ts';
import { type SandboxSettings, sandboxProvider } from './sandbox.ts';

/** What each provider needs to be told; a provider without it is not there. */
export interface ProviderSettings {
  sandbox?: SandboxSettings;
}

/** The providers by name, as in `provider` of a deposit and in the path of their webhooks. */
export type Providers = ReadonlyMap<string, PaymentProvider>;

/** The provider that is used where a deposit names none. */
export const defaultProvider = 'sandbox';

/**
 * All configured providers; each is one row. Money that comes from one is debited from its system account
 * `external:<name>`.
 */
export function openProviders(settings: ProviderSettings): Providers {
  const providers = new Map<string, PaymentProvider>();
  if (settings.sandbox) providers.set('sandbox', sandboxProvider(settings.sandbox));
  return providers;
}
