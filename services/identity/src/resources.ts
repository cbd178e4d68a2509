import type { Database } from '@florin/database';
import type { RelyingParty } from './passkeys/relying-party.ts';
import type { PasswordDesk } from './passwords/password-desk.ts';
import type { Lines } from './passwords/turns.ts';
import type { Secrets } from './secrets.ts';
import type { Places } from './sessions/places.ts';
import type { Tables } from './tables.ts';
import type { KeyRing } from './tokens/key-ring.ts';
import type { ServiceClients } from './tokens/service-clients.ts';

/** Who issues tokens and how long things live, in milliseconds. */
export interface TokenRules {
  issuer: string;
  accessTokenMs: number;
  serviceTokenMs: number;
  /** From the login; refreshing does not prolong it. */
  sessionMs: number;
  /** How long a login or step-up lets its session do what needs a recent proof. In seconds. */
  stepUpSeconds: number;
}

/** Where other services are: base URLs. */
export interface ServiceUrls {
  accounts: string;
  transactions: string;
  notification: string;
}

/** What the use cases work with. */
export interface Resources {
  db: Database<Tables>;
  secrets: Secrets;
  passwords: PasswordDesk;
  /** Logins by email, one at a time each. */
  loginLines: Lines;
  keyRing: KeyRing;
  rules: TokenRules;
  relyingParty: RelyingParty;
  serviceClients: ServiceClients;
  services: ServiceUrls;
  places: Places;
}
