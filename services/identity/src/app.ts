import { authPlugin } from '@florin/auth';
import { createServer, type Server, type ServerOptions } from '@florin/service';
import { apiKeyRoutes } from './api-keys/api-key-routes.ts';
import { auditRoutes } from './audit/audit-routes.ts';
import { erasureRoutes } from './erasure/erasure-routes.ts';
import { exportRoutes } from './export/export-routes.ts';
import { passkeyLoginRoutes } from './passkeys/passkey-login-routes.ts';
import { passkeyRoutes } from './passkeys/passkey-routes.ts';
import { passwordRoutes } from './passwords/password-routes.ts';
import type { Resources } from './resources.ts';
import { secondFactorRoutes } from './second-factor/second-factor-routes.ts';
import { authRoutes } from './sessions/auth-routes.ts';
import { requireLiveSession } from './sessions/live-session.ts';
import { revocationRoutes } from './sessions/revocation-routes.ts';
import { sessionRoutes } from './sessions/session-routes.ts';
import { stepUpRoutes } from './sessions/step-up-routes.ts';
import { tokenRoutes } from './tokens/token-routes.ts';
import { changeEmailRoutes } from './users/change-email-routes.ts';
import { meRoutes } from './users/me-routes.ts';
import { registerRoutes } from './users/register-routes.ts';
import { userRoutes } from './users/user-routes.ts';
import { verifyEmailRoutes } from './users/verify-email-routes.ts';

/** What the app works with. */
export interface AppDependencies extends Resources {
  logger: ServerOptions['logger'];
  readiness?: NonNullable<ServerOptions['readiness']>;
  /** Addresses and networks whose X-Forwarded-For is believed; nobody unless told. */
  trustedProxies?: readonly string[];
}

/** The service's HTTP face. It does not listen. */
export function buildApp(dependencies: AppDependencies): Server {
  const { keyRing, rules, logger, readiness = {}, trustedProxies = [] } = dependencies;
  const app = createServer({
    name: 'identity',
    logger,
    readiness,
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    openapi: {
      title: 'Florin identity',
      description: 'People, sessions, roles and signing keys',
      tags: [
        { name: 'auth', description: 'Registering, logging in and out' },
        { name: 'me', description: 'The caller and the caller’s sessions' },
        { name: 'users', description: 'Users, for operators' },
        { name: 'api-keys', description: 'Keys for programs that act for the caller' },
        { name: 'audit', description: 'Who did what, for auditors' },
        { name: 'tokens', description: 'Public keys' },
      ],
    },
  });
  authPlugin(app, { keys: keyRing, issuer: rules.issuer, serviceName: 'identity' });
  requireLiveSession(app, dependencies);
  for (const add of [
    registerRoutes,
    verifyEmailRoutes,
    passwordRoutes,
    authRoutes,
    meRoutes,
    sessionRoutes,
    userRoutes,
    tokenRoutes,
    revocationRoutes,
    secondFactorRoutes,
    passkeyRoutes,
    passkeyLoginRoutes,
    stepUpRoutes,
    changeEmailRoutes,
    apiKeyRoutes,
    auditRoutes,
    exportRoutes,
    erasureRoutes,
  ]) {
    add(app, dependencies);
  }
  return app;
}
