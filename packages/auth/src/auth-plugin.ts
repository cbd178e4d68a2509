import jwt, { type FastifyJWTOptions } from '@fastify/jwt';
import { ProblemError, problem } from '@florin/service';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { checkAccess, describeAccess } from './access.ts';
import { headerOf } from './key-id.ts';
import type { KeySource } from './keys.ts';
import { type Principal, serviceFromClaims, userFromClaims } from './principal.ts';
import { tokenTypes } from './sign-token.ts';
import { isPlausible, isUnambiguous } from './strict-token.ts';
import { VerifiedTokens } from './verified-tokens.ts';

/** What authPlugin needs. */
export interface AuthOptions {
  keys: KeySource;
  /** The `iss` that tokens must carry. */
  issuer: string;
  /** The `aud` that service tokens for this service must carry. */
  serviceName: string;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Verifies the bearer token as a user's and gives its claims. */
    verifyUserToken(): Promise<unknown>;
    /** Verifies the bearer token as a service's and gives its claims. */
    verifyServiceToken(): Promise<unknown>;
  }
}

const unauthenticated = () => problem('unauthenticated', 'A valid access token is needed.');
const maxTokenLength = 8192;
const rememberedTokens = 10_000;
const clockToleranceMs = 5000;

/** The key that a request's token was checked with. */
type KeysUsed = WeakMap<FastifyRequest, { kid: string; key: string }>;

function kidOf(decoded: unknown): string {
  const { header } = decoded as { header?: { kid?: unknown } };
  if (typeof header?.kid !== 'string') throw unauthenticated();
  return header.kid;
}

function jwtOptions(options: AuthOptions, kind: 'user' | 'service', keysUsed: KeysUsed): FastifyJWTOptions {
  return {
    namespace: kind,
    jwtVerify: kind === 'user' ? 'verifyUserToken' : 'verifyServiceToken',
    decoratorName: `${kind}Claims`,
    decode: { complete: true },
    secret: {
      public: async (request: FastifyRequest, decoded: unknown) => {
        const kid = kidOf(decoded);
        const key = await options.keys.find(kid);
        if (key === undefined) throw unauthenticated();
        keysUsed.set(request, { kid, key });
        return key;
      },
    },
    verify: {
      algorithms: ['EdDSA'],
      allowedIss: options.issuer,
      allowedAud: kind === 'user' ? 'florin' : options.serviceName,
      checkTyp: tokenTypes[kind],
      requiredClaims: ['iss', 'aud', 'sub', 'iat', 'exp'],
      clockTolerance: clockToleranceMs,
    },
  };
}

function bearerToken(request: FastifyRequest): string {
  const token = /^Bearer ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/i.exec(
    request.headers.authorization ?? '',
  )?.[1];
  if (token === undefined || token.length > maxTokenLength || !isUnambiguous(token)) throw unauthenticated();
  return token;
}

interface Verified {
  principal: Principal | undefined;
  claims: unknown;
}

async function verify(request: FastifyRequest): Promise<Verified> {
  // The header is not proven yet; it only chooses which of the two pinned verifiers has to agree.
  if (headerOf(bearerToken(request))?.typ === tokenTypes.service) {
    const claims = await request.verifyServiceToken();
    return { principal: serviceFromClaims(claims), claims };
  }
  const claims = await request.verifyUserToken();
  return { principal: userFromClaims(claims), claims };
}

function refusal(error: unknown, request: FastifyRequest): ProblemError {
  if (error instanceof ProblemError) return error;
  if ((error as { code?: unknown }).code === 'FST_JWT_AUTHORIZATION_TOKEN_EXPIRED') {
    return problem('token_expired', 'The access token has expired.');
  }
  request.log.debug({ err: error }, 'token refused');
  return unauthenticated();
}

/** Gives the caller of a request; throws unauthenticated or token_expired. */
type Authenticate = (request: FastifyRequest) => Promise<Principal>;

function authenticator(keys: KeySource, keysUsed: KeysUsed): Authenticate {
  const remembered = new VerifiedTokens(rememberedTokens);

  async function check(request: FastifyRequest, authorization: string): Promise<Principal> {
    const { principal, claims } = await verify(request).catch((error: unknown) => {
      throw refusal(error, request);
    });
    if (principal === undefined || !isPlausible(claims)) throw unauthenticated();
    const used = keysUsed.get(request);
    const { exp } = claims as { exp: number };
    if (used) remembered.add(authorization, { principal, ...used, expiresAt: exp * 1000 + clockToleranceMs });
    return principal;
  }

  return async (request) => {
    const authorization = request.headers.authorization ?? '';
    const known = remembered.find(authorization);
    // A key that is withdrawn takes its tokens along.
    if (known && (await keys.find(known.kid)) === known.key) return known.principal;
    return check(request, authorization);
  };
}

/**
 * Access control for all routes added to `app` afterwards: each must say `config.access`, and a route without it throws
 * when it is added. It stands in the route's OpenAPI operation as `describeAccess` writes it. Tokens are verified before
 * bodies are read: 401, then 403, then 400. Call it before any route.
 */
export function authPlugin(app: FastifyInstance, options: AuthOptions): void {
  app.decorateRequest('principal', null);
  const keysUsed: KeysUsed = new WeakMap();
  app.register(jwt, jwtOptions(options, 'user', keysUsed));
  app.register(jwt, jwtOptions(options, 'service', keysUsed));
  const authenticate = authenticator(options.keys, keysUsed);
  app.addHook('onRoute', (route) => {
    const { method, url, config } = route;
    if (config?.operational) return;
    if (!config?.access) {
      throw new Error(`${[method].flat().join(', ')} ${url} does not say who may call it: set config.access`);
    }
    // A route without a schema is in no document.
    if (route.schema) route.schema = Object.assign({}, route.schema, describeAccess(config.access));
  });
  app.addHook('onRequest', async (request) => {
    if (request.is404) return;
    const { access, operational } = request.routeOptions.config;
    if (operational || access === 'public') return;
    // Only a route added before this plugin gets here without access; it stays closed.
    if (!access) throw new Error(`${request.routeOptions.url} was added before access control`);
    request.principal = await authenticate(request);
    checkAccess(access, request.principal);
  });
}
