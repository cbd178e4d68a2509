import type { Role, Scope } from '@florin/auth';
import type { UpstreamName } from './upstreams.ts';

export type RouteMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Which counter a request draws on; how many requests and in which window are settings. */
export type LimitClass = 'public-auth' | 'webhook' | 'read' | 'write';

/**
 * Who may call: anyone, or users whose token has all of the scopes and who have one of the roles (admins have every
 * one). API keys only where a scope is asked for, or with `apiKeys`. `stepUp`: who has proven lately who he is.
 */
export type RouteAccess = 'public' | { scopes?: Scope[]; roles?: Role[]; apiKeys?: boolean; stepUp?: boolean };

/**
 * One public call. `path` is written as in OpenAPI. Whether a valid access token is needed is checked here; scopes and
 * roles by the service, whose document must ask for the same as `access`, else no openapi.json can be made. Ownership
 * only the service knows. `deadlineMs` and `bodyLimit` (bytes) override the defaults of the upstream and of the gateway.
 */
export interface GatewayRoute {
  readonly method: RouteMethod;
  readonly path: string;
  readonly upstream: UpstreamName;
  readonly access: RouteAccess;
  readonly limit: LimitClass;
  readonly deadlineMs?: number;
  readonly bodyLimit?: number;
  /** The answer goes on as long as the client listens; the deadline is for its beginning alone. */
  readonly stream?: boolean;
}

type Exceptions = Partial<Pick<GatewayRoute, 'access' | 'limit' | 'deadlineMs' | 'bodyLimit' | 'stream'>>;

/** Without exceptions a route is for logged-in users and draws on the limit for reads or writes by its method. */
function rows(upstream: UpstreamName, calls: readonly string[], exceptions: Exceptions = {}): GatewayRoute[] {
  return calls.map((call) => {
    const [method, path] = call.split(' ') as [RouteMethod, string];
    return { method, path, upstream, access: {}, limit: method === 'GET' ? 'read' : 'write', ...exceptions };
  });
}

/** Everything that can be called from outside. A request without a row here is 404, or 405 when only its method is. */
export const routes: readonly GatewayRoute[] = [
  ...rows(
    'identity',
    [
      'POST /v1/auth/register',
      'POST /v1/auth/login',
      'POST /v1/auth/passkey/options',
      'POST /v1/auth/passkey',
      'POST /v1/auth/refresh',
      'POST /v1/auth/email/verify',
      'POST /v1/auth/password/forgot',
      'POST /v1/auth/password/reset',
    ],
    { access: 'public', limit: 'public-auth' },
  ),
  ...rows('identity', ['POST /v1/me/password', 'DELETE /v1/me'], { limit: 'public-auth' }),
  ...rows('identity', ['POST /v1/auth/step-up/options', 'POST /v1/auth/step-up', 'POST /v1/me/email/confirm'], {
    limit: 'public-auth',
  }),
  ...rows('identity', ['POST /v1/me/email'], { access: { stepUp: true }, limit: 'public-auth' }),
  ...rows('identity', ['POST /v1/me/passkeys/options', 'DELETE /v1/me/passkeys/{id}', 'POST /v1/api-keys'], {
    access: { stepUp: true },
  }),
  ...rows('identity', ['GET /v1/me/export'], { limit: 'public-auth', stream: true }),
  ...rows('identity', ['GET /.well-known/jwks.json'], { access: 'public' }),
  ...rows('identity', ['GET /v1/me'], { access: { apiKeys: true } }),
  ...rows('identity', [
    'POST /v1/auth/logout',
    'PATCH /v1/me',
    'GET /v1/me/sessions',
    'DELETE /v1/me/sessions/{id}',
    'POST /v1/me/mfa/totp',
    'POST /v1/me/mfa/totp/confirm',
    'DELETE /v1/me/mfa/totp',
    'GET /v1/me/passkeys',
    'POST /v1/me/passkeys',
    'GET /v1/api-keys',
    'DELETE /v1/api-keys/{id}',
  ]),
  ...rows('identity', ['GET /v1/audit-log'], { access: { roles: ['auditor'] } }),
  ...rows('identity', ['POST /v1/users/{id}/erase'], { access: { roles: ['admin'] } }),
  ...rows('identity', ['GET /v1/users', 'GET /v1/users/{id}', 'PATCH /v1/users/{id}'], {
    access: { roles: ['operator'] },
  }),
  ...rows('accounts', ['GET /v1/accounts', 'GET /v1/accounts/{id}'], { access: { scopes: ['accounts:read'] } }),
  ...rows('accounts', ['POST /v1/accounts', 'PATCH /v1/accounts/{id}', 'POST /v1/accounts/{id}/close'], {
    access: { scopes: ['accounts:write'] },
  }),
  ...rows('accounts', ['GET /v1/payees'], { access: { scopes: ['accounts:read'] } }),
  ...rows('accounts', ['POST /v1/payees'], { access: { scopes: ['accounts:write'], stepUp: true } }),
  ...rows('accounts', ['DELETE /v1/payees/{id}'], { access: { scopes: ['accounts:write'] } }),
  ...rows(
    'accounts',
    ['POST /v1/accounts/{id}/freeze', 'POST /v1/accounts/{id}/unfreeze', 'PUT /v1/accounts/{id}/limits'],
    { access: { roles: ['operator'], scopes: ['accounts:write'] } },
  ),
  ...rows('transactions', ['GET /v1/accounts/{id}/balance'], { access: { scopes: ['accounts:read'] } }),
  ...rows(
    'transactions',
    [
      'GET /v1/transactions',
      'GET /v1/transactions/{id}',
      'GET /v1/transactions/{id}/explain',
      'GET /v1/accounts/{id}/transactions',
      'GET /v1/holds',
      'GET /v1/holds/{id}',
    ],
    { access: { scopes: ['transactions:read'] } },
  ),
  ...rows(
    'transactions',
    [
      'POST /v1/transfers',
      'POST /v1/deposits',
      'POST /v1/withdrawals',
      'POST /v1/holds',
      'POST /v1/holds/{id}/capture',
      'POST /v1/holds/{id}/void',
      'POST /v1/transactions/{id}/reverse',
      'POST /v1/fx/quotes',
      'POST /v1/conversions',
    ],
    { access: { scopes: ['transactions:write'] } },
  ),
  ...rows('transactions', ['POST /v1/transfers/batch'], {
    access: { scopes: ['transactions:write'] },
    bodyLimit: 1024 * 1024,
  }),
  ...rows('transactions', ['POST /v1/transactions/{id}/approve', 'POST /v1/transactions/{id}/reject'], {
    access: { roles: ['operator'], scopes: ['transactions:write'] },
  }),
  ...rows('transactions', ['GET /v1/ledger/trial-balance', 'GET /v1/ledger/seals', 'GET /v1/ledger/proof/{txn}'], {
    access: { roles: ['operator'] },
  }),
  ...rows('transactions', ['POST /v1/webhooks/providers/{provider}'], { access: 'public', limit: 'webhook' }),
  ...rows('notification', ['GET /v1/notifications'], { access: { scopes: ['notifications:read'] } }),
  ...rows('notification', ['POST /v1/notifications/{id}/read', 'POST /v1/notifications/read-all'], {
    access: { scopes: ['notifications:write'] },
  }),
  ...rows(
    'notification',
    [
      'POST /v1/webhook-endpoints',
      'GET /v1/webhook-endpoints',
      'GET /v1/webhook-endpoints/{id}',
      'PATCH /v1/webhook-endpoints/{id}',
      'DELETE /v1/webhook-endpoints/{id}',
      'POST /v1/webhook-endpoints/{id}/rotate-secret',
      'POST /v1/webhook-endpoints/{id}/test',
      'POST /v1/webhook-endpoints/{id}/replay',
      'GET /v1/webhook-endpoints/{id}/deliveries',
      'POST /v1/webhook-deliveries/{id}/retry',
    ],
    { access: { scopes: ['webhooks:manage'] } },
  ),
];
