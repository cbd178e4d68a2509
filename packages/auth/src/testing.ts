import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { formatId, newUuid } from '@florin/service';
import { type JsonWebKeySet, type KeySource, staticKeys } from './keys.ts';
import { allScopes, type Role, type Scope } from './principal.ts';
import { signToken, tokenTypes } from './sign-token.ts';

/** A user to make a token for; what is left out is made up: a customer with all scopes in a session of its own. */
export interface TestUser {
  /** uuid */
  userId?: string;
  /** uuid */
  sessionId?: string;
  roles?: Role[];
  scopes?: Scope[];
  /** Replaces or adds claims; a claim set to undefined is left out. */
  claims?: Record<string, unknown>;
}

/** An issuer of tokens with a key of its own, for tests. */
export interface TestIssuer {
  issuer: string;
  jwks: JsonWebKeySet;
  keys: KeySource;
  /** An access token good for ten minutes. */
  userToken(user?: TestUser): string;
  /** A token with which the service `name` may call the service `audience`, good for ten minutes. */
  serviceToken(name: string, audience: string): string;
}

/** Makes an issuer whose tokens authPlugin accepts with `keys` and `issuer` of the result. */
export function testIssuer(issuer = 'https://florin.dev'): TestIssuer {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const kid = randomUUID();
  const { x = '' } = publicKey.export({ format: 'jwk' });
  const jwks: JsonWebKeySet = { keys: [{ kty: 'OKP', crv: 'Ed25519', x, kid, use: 'sig', alg: 'EdDSA' }] };

  function lifetime() {
    const iat = Math.floor(Date.now() / 1000);
    return { iss: issuer, iat, exp: iat + 600, jti: randomUUID() };
  }

  return {
    issuer,
    jwks,
    keys: staticKeys(jwks),
    userToken({
      userId = newUuid(),
      sessionId = newUuid(),
      roles = ['customer'],
      scopes = [...allScopes],
      claims,
    } = {}) {
      const subject = { sub: formatId('usr', userId), sid: formatId('ses', sessionId) };
      const all = { ...lifetime(), aud: 'florin', ...subject, roles, scope: scopes.join(' '), ...claims };
      return signToken({ privateKey, kid, typ: tokenTypes.user, claims: all });
    },
    serviceToken(name, audience) {
      const claims = { ...lifetime(), aud: audience, sub: `service:${name}` };
      return signToken({ privateKey, kid, typ: tokenTypes.service, claims });
    },
  };
}
