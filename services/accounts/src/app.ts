import { authPlugin, type KeySource } from '@florin/auth';
import { createServer, type Server, type ServerOptions } from '@florin/service';
import type { NumberRange } from './account-numbers/account-number.ts';
import { accountRoutes } from './accounts/account-routes.ts';
import type { Bank } from './accounts/tell-ledger.ts';
import { watchVersions } from './balances/version-watch.ts';
import { ownerRoutes } from './owners/owner-routes.ts';
import { type PayeeRoutesOptions, payeeRoutes } from './payees/payee-routes.ts';

/** What the app works with. */
export interface AppDependencies extends Omit<Bank, 'logger'> {
  logger: ServerOptions['logger'];
  keys: KeySource;
  tokenIssuer: string;
  numbers: NumberRange;
  payees: Omit<PayeeRoutesOptions, 'db'>;
  readiness?: NonNullable<ServerOptions['readiness']>;
}

/** The service's HTTP face. It does not listen. */
export function buildApp(dependencies: AppDependencies): Server {
  const { db, ledger, logger, keys, tokenIssuer, numbers, payees, readiness = {} } = dependencies;
  const app = createServer({
    name: 'accounts',
    logger,
    readiness,
    openapi: { title: 'Florin accounts', description: 'Accounts of customers: opening, freezing, closing, balances' },
  });
  authPlugin(app, { keys, issuer: tokenIssuer, serviceName: 'accounts' });
  accountRoutes(app, { bank: { db, ledger, logger, numbers }, versions: watchVersions(db) });
  payeeRoutes(app, { db, ...payees });
  ownerRoutes(app, { db });
  return app;
}
