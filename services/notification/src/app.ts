import { authPlugin, type KeySource } from '@florin/auth';
import type { Database } from '@florin/database';
import { createServer, type Server, type ServerOptions } from '@florin/service';
import { notificationRoutes } from './notifications/notification-routes.ts';
import type { Tables } from './tables.ts';
import { deliveryRoutes } from './webhook-deliveries/delivery-routes.ts';
import { toldRoutes } from './webhook-deliveries/told-routes.ts';
import { endpointActionRoutes } from './webhook-endpoints/endpoint-action-routes.ts';
import { endpointRoutes } from './webhook-endpoints/endpoint-routes.ts';
import type { Webhooks } from './webhooks.ts';

/** What the app works with. */
export interface AppDependencies {
  db: Database<Tables>;
  logger: ServerOptions['logger'];
  keys: KeySource;
  tokenIssuer: string;
  webhooks: Webhooks;
  readiness?: NonNullable<ServerOptions['readiness']>;
}

/** The service's HTTP face. It does not listen. */
export function buildApp({ db, logger, keys, tokenIssuer, webhooks, readiness = {} }: AppDependencies): Server {
  const app = createServer({
    name: 'notification',
    logger,
    readiness,
    openapi: {
      title: 'Florin notification',
      description: 'What people and their programs are told: the inbox and webhooks',
    },
  });
  authPlugin(app, { keys, issuer: tokenIssuer, serviceName: 'notification' });
  notificationRoutes(app, { db });
  endpointRoutes(app, { db, webhooks });
  endpointActionRoutes(app, { db, webhooks });
  deliveryRoutes(app, { db, webhooks });
  toldRoutes(app, { db });
  return app;
}
