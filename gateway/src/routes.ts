import type { UpstreamName } from './upstreams.ts';

export type RouteMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Which counter a request draws on; how many requests and in which window are settings. */
export type LimitClass = 'public-auth' | 'webhook' | 'read' | 'write';

/**
 * One public call. `path` is written as in OpenAPI. `access` says whether a valid access token is needed here;
 * scopes, roles and ownership are checked by the service. `deadlineMs` and `bodyLimit` (bytes) override the defaults
 * of the upstream and of the gateway.
 */
export interface GatewayRoute {
  readonly method: RouteMethod;
  readonly path: string;
  readonly upstream: UpstreamName;
  readonly access: 'public' | 'user';
  readonly limit: LimitClass;
  readonly deadlineMs?: number;
  readonly bodyLimit?: number;
  /** The answer goes on as long as the client listens; the deadline is for its beginning alone. */
  readonly stream?: boolean;
}

type Exceptions = Partial<Pick<GatewayRoute, 'access' | 'limit' | 'deadlineMs' | 'bodyLimit' | 'stream'>>;

/** Without exceptions a route needs an access token and draws on the limit for reads or writes by its method. */
function rows(upstream: UpstreamName, calls: readonly string[], exceptions: Exceptions = {}): GatewayRoute[] {
  return calls.map((call) => {
    const [method, path] = call.split(' ') as [RouteMethod, string];
    return { method, path, upstream, access: 'user', limit: method === 'GET' ? 'read' : 'write', ...exceptions };
  });
}

/** Everything that can be called from outside. A request without a row here is 404, or 405 when only its method is. */
export const routes: readonly GatewayRoute[] = [
  ...rows(
    'identity',
    [
      'POST /v1/auth/register',
      'POST /v1/auth/login',
      'POST /v1/auth/refresh',
      'POST /v1/auth/email/verify',
      'POST /v1/auth/password/forgot',
      'POST /v1/auth/password/reset',
    ],
    { access: 'public', limit: 'public-auth' },
  ),
  ...rows('identity', ['POST /v1/me/password'], { limit: 'public-auth' }),
  ...rows('identity', ['GET /.well-known/jwks.json'], { access: 'public' }),
  ...rows('identity', [
    'POST /v1/auth/logout',
    'GET /v1/me',
    'PATCH /v1/me',
    'GET /v1/me/sessions',
    'DELETE /v1/me/sessions/{id}',
    'POST /v1/me/mfa/totp',
    'POST /v1/me/mfa/totp/confirm',
    'DELETE /v1/me/mfa/totp',
    'GET /v1/api-keys',
    'POST /v1/api-keys',
    'DELETE /v1/api-keys/{id}',
    'GET /v1/audit-log',
    'GET /v1/users',
    'GET /v1/users/{id}',
    'PATCH /v1/users/{id}',
  ]),
  ...rows('accounts', [
    'GET /v1/accounts',
    'POST /v1/accounts',
    'GET /v1/accounts/{id}',
    'PATCH /v1/accounts/{id}',
    'POST /v1/accounts/{id}/close',
    'POST /v1/accounts/{id}/freeze',
    'POST /v1/accounts/{id}/unfreeze',
    'PUT /v1/accounts/{id}/limits',
  ]),
  ...rows('transactions', [
    'POST /v1/transfers',
    'POST /v1/deposits',
    'POST /v1/withdrawals',
    'POST /v1/holds',
    'GET /v1/holds',
    'GET /v1/holds/{id}',
    'POST /v1/holds/{id}/capture',
    'POST /v1/holds/{id}/void',
    'GET /v1/transactions',
    'GET /v1/transactions/{id}',
    'GET /v1/transactions/{id}/explain',
    'POST /v1/transactions/{id}/reverse',
    'POST /v1/transactions/{id}/approve',
    'POST /v1/transactions/{id}/reject',
    'GET /v1/accounts/{id}/transactions',
    'GET /v1/accounts/{id}/balance',
    'POST /v1/fx/quotes',
    'POST /v1/conversions',
    'GET /v1/ledger/trial-balance',
    'GET /v1/ledger/seals',
    'GET /v1/ledger/proof/{txn}',
  ]),
  ...rows('transactions', ['POST /v1/transfers/batch'], { bodyLimit: 1024 * 1024 }),
  ...rows('transactions', ['POST /v1/webhooks/providers/{provider}'], { access: 'public', limit: 'webhook' }),
  ...rows('notification', [
    'GET /v1/notifications',
    'POST /v1/notifications/{id}/read',
    'POST /v1/notifications/read-all',
  ]),
];
