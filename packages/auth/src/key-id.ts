import type { KeySource } from './keys.ts';

/** The header of a compact JWS, unproven; undefined where it is none. */
export function headerOf(token: string): { kid?: unknown; typ?: unknown } | undefined {
  try {
    const header: unknown = JSON.parse(Buffer.from(token.split('.', 1)[0] ?? '', 'base64url').toString('utf8'));
    return typeof header === 'object' && header !== null ? header : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether a token that identity gave us is still of use: false once its key has been withdrawn. True where that can't be known, since
 * whoever is shown the token decides.
 */
export async function isKeyKnown(keys: KeySource, token: string): Promise<boolean> {
  const kid = headerOf(token)?.kid;
  if (typeof kid !== 'string') return true;
  return await keys.find(kid).then(
    (key) => key !== undefined,
    () => true,
  );
}
