import { SettingsError } from '@florin/service';
import Type from 'typebox';

/** Who asks for passkeys, as authenticators see it. */
export interface RelyingParty {
  /** Shown to people. */
  name: string;
  /** The domain that passkeys belong to; they are of no use on any other. */
  id: string;
  /** Pages, and apps, from which they are accepted. */
  origins: readonly string[];
}

const label = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';

/** What the environment says of it: part of the service's settings. */
export const passkeySettings = {
  WEBAUTHN_RP_ID: Type.Optional(
    Type.String({
      maxLength: 253,
      pattern: `^(localhost|(${label}\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?)$`,
      description:
        'Domain that passkeys belong to; the host of PUBLIC_APP_URL unless set. Another one makes all passkeys useless',
    }),
  ),
  WEBAUTHN_ORIGINS: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'Origins from which passkeys are accepted, separated by commas: https, on that domain or below it, or `android:apk-key-hash:…`; that of PUBLIC_APP_URL unless set',
    }),
  ),
};

/**
 * Who asks for passkeys. What follows from PUBLIC_APP_URL alone is taken as it is: where browsers know no passkeys, as
 * on an address without a name, nobody gets to make one.
 *
 * @throws {SettingsError} for origins from which no passkey of that domain can come
 */
export function toRelyingParty(env: {
  PUBLIC_APP_URL: string;
  WEBAUTHN_RP_ID?: string;
  WEBAUTHN_ORIGINS?: string;
}): RelyingParty {
  const app = new URL(env.PUBLIC_APP_URL);
  const id = env.WEBAUTHN_RP_ID ?? app.hostname;
  const origins = env.WEBAUTHN_ORIGINS?.split(',').map((origin) => origin.trim()) ?? [app.origin];
  if (env.WEBAUTHN_RP_ID !== undefined || env.WEBAUTHN_ORIGINS !== undefined) {
    const wrong = origins.find((origin) => !isOriginOf(id, origin));
    if (wrong !== undefined) {
      throw new SettingsError(
        `WEBAUTHN_ORIGINS must be origins on ${id}, such as https://${id}, or of an Android app; see ${wrong}`,
      );
    }
  }
  return { name: 'Florin', id, origins };
}

/** What the Web Authentication API asks of a page: a secure context on the domain or below it. */
function isOriginOf(id: string, text: string): boolean {
  if (/^android:apk-key-hash:[A-Za-z0-9_-]{43}$/.test(text)) return true;
  if (!URL.canParse(text)) return false;
  const { origin, protocol, hostname } = new URL(text);
  if (origin !== text || !(hostname === id || hostname.endsWith(`.${id}`))) return false;
  return protocol === 'https:' || (protocol === 'http:' && /(^|\.)localhost$/.test(hostname));
}
