import { parseJson } from '@florin/service';

/** Longer than any token of identity lives. */
const longestLifeSeconds = 86_400;
/** How far the clock of whoever signed may be ahead. */
const clockAheadSeconds = 60;

/**
 * Whether a token of three parts can be read in one way only: each part in the one spelling that its bytes have in base64url
 * (RFC 4648, 3.5), header and claims without duplicate keys, and no extension that must be understood (`crit`, RFC 7515, 4.1.11).
 */
export function isUnambiguous(token: string): boolean {
  const [header = '', claims = '', signature = ''] = token.split('.');
  if (![header, claims, signature].every(isCanonical)) return false;
  const parsed = parseObject(header);
  return parsed !== undefined && !('crit' in parsed) && parseObject(claims) !== undefined;
}

/**
 * Whether verified claims are such as identity writes: for one audience, issued by now, and for no longer than a token lives. Times in
 * seconds.
 */
export function isPlausible(claims: unknown): boolean {
  const { aud, iat, exp } = claims as { aud: unknown; iat: number; exp: number };
  return typeof aud === 'string' && iat <= Date.now() / 1000 + clockAheadSeconds && exp - iat <= longestLifeSeconds;
}

function isCanonical(part: string): boolean {
  return Buffer.from(part, 'base64url').toString('base64url') === part;
}

function parseObject(part: string): object | undefined {
  try {
    const value = parseJson(Buffer.from(part, 'base64url'));
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
