import { timingSafeEqual } from 'node:crypto';
import { signToken, tokenTypes } from '@florin/auth';
import { newUuid } from '@florin/service';
import { invalidCredentials } from '../errors.ts';
import type { Resources } from '../resources.ts';
import { hashSecret } from './service-clients.ts';

/** Services that accept service tokens. */
export const audiences = ['identity', 'accounts', 'transactions', 'notification'] as const;

/** What a service shows to get a token. */
export interface ServiceTokenRequest {
  client: string;
  secret: string;
  audience: (typeof audiences)[number];
}

const noClient = Buffer.alloc(32);

/**
 * A token with which the client may call the audience, and no other service.
 *
 * @throws ProblemError invalid_credentials, the same for an unknown client and a wrong secret
 */
export function issueServiceToken(
  { keyRing, rules, serviceClients }: Pick<Resources, 'keyRing' | 'rules' | 'serviceClients'>,
  request: ServiceTokenRequest,
): { token: string; expiresIn: number } {
  const known = serviceClients.get(request.client);
  const matches = timingSafeEqual(hashSecret(request.secret), known ?? noClient);
  if (known === undefined || !matches) throw invalidCredentials('The client or secret is wrong.');
  return signServiceToken({ keyRing, rules }, request);
}

/** A token for a client that is known; identity needs no secret to call others itself. */
export function signServiceToken(
  { keyRing, rules }: Pick<Resources, 'keyRing' | 'rules'>,
  { client, audience }: Pick<ServiceTokenRequest, 'client' | 'audience'>,
): { token: string; expiresIn: number } {
  const iat = Math.floor(Date.now() / 1000);
  const expiresIn = rules.serviceTokenMs / 1000;
  const claims = {
    iss: rules.issuer,
    aud: audience,
    sub: `service:${client}`,
    iat,
    exp: iat + expiresIn,
    jti: newUuid(),
  };
  return { token: signToken({ ...keyRing.signer(), typ: tokenTypes.service, claims }), expiresIn };
}
