import { allScopes, type Role, type Scope, signToken, tokenTypes } from '@florin/auth';
import { formatId, newUuid } from '@florin/service';
import type { Resources } from '../resources.ts';
import type { Proof } from '../sessions/session.ts';

/** Whom an access token is for. Ids are uuids. */
export interface TokenSubject {
  userId: string;
  sessionId: string;
  roles: readonly Role[];
  /** The session's end: no token outlives it. */
  sessionExpiresAt: Date;
  proof: Proof;
}

/** The API key that an access token is for. Ids are uuids. */
export interface KeySubject {
  userId: string;
  keyId: string;
  roles: readonly Role[];
  scopes: readonly Scope[];
  /** No token outlives the key. */
  keyExpiresAt: Date | null;
}

/** A signed token and its `exp`. */
export interface AccessToken {
  token: string;
  expiresAt: Date;
  /** Seconds from now. */
  expiresIn: number;
}

/** Life of an API key's access token, in seconds: a gateway exchanges the key again after it. */
export const keyTokenSeconds = 60;

type Issuer = Pick<Resources, 'keyRing' | 'rules'>;

/** A token for a person who has logged in: all scopes; what roles may do is for the services to say. */
export function issueAccessToken(issuer: Issuer, subject: TokenSubject): AccessToken {
  return issue(issuer, {
    userId: subject.userId,
    sid: formatId('ses', subject.sessionId),
    roles: subject.roles,
    scopes: allScopes,
    seconds: issuer.rules.accessTokenMs / 1000,
    endsAt: subject.sessionExpiresAt,
    proof: subject.proof,
  });
}

/** A short token for a program that has shown an API key: the user's roles, and the scopes of the key alone. */
export function issueKeyToken(issuer: Issuer, subject: KeySubject): AccessToken {
  return issue(issuer, {
    userId: subject.userId,
    sid: formatId('key', subject.keyId),
    roles: subject.roles,
    scopes: subject.scopes,
    seconds: keyTokenSeconds,
    endsAt: subject.keyExpiresAt,
  });
}

interface Grant {
  userId: string;
  sid: string;
  roles: readonly Role[];
  scopes: readonly Scope[];
  seconds: number;
  endsAt: Date | null;
  proof?: Proof;
}

function issue({ keyRing, rules }: Issuer, grant: Grant): AccessToken {
  const { userId, sid, roles, scopes, seconds, endsAt, proof } = grant;
  const iat = Math.floor(Date.now() / 1000);
  const exp = Math.min(iat + seconds, endsAt === null ? Number.POSITIVE_INFINITY : Math.floor(endsAt.getTime() / 1000));
  const claims = {
    iss: rules.issuer,
    aud: 'florin',
    sub: formatId('usr', userId),
    sid,
    roles,
    scope: scopes.join(' '),
    iat,
    exp,
    jti: newUuid(),
    ...(proof && { auth_time: Math.floor(proof.at.getTime() / 1000), amr: proof.by }),
  };
  const token = signToken({ ...keyRing.signer(), typ: tokenTypes.user, claims });
  return { token, expiresAt: new Date(exp * 1000), expiresIn: exp - iat };
}
