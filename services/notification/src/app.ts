import { authPlugin, type KeySource } from '@florin/auth';
import type { Database } from '@florin/database';
import { createServer, type Server, type ServerOptions } from '@florin/service';
import { notificationRoutes } from './notifications/notification-routes.ts';
import type { Tables } from './tables.ts';

/** What the app works with. */
export interface AppDependencies {
  db: Database<Tables>;
  logger: ServerOptions['logger'];
  keys: KeySource;
  tokenIssuer: string;
  readiness?: NonNullable<ServerOptions['readiness']>;
}

/** The service's HTTP face. It does not listen. */
export function buildApp({ db, logger, keys, tokenIssuer, readiness = {} }: AppDependencies): Server {
  const app = createServer({
    name: 'notification',
    logger,
    readiness,
    openapi: { title: 'Florin notification', description: 'What people are told: the inbox' },
  });
  authPlugin(app, { keys, issuer: tokenIssuer, serviceName: 'notification' });
  notificationRoutes(app, { db });
  return app;
}
