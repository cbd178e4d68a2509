import { authPlugin, type KeySource } from '@florin/auth';
import type { Database } from '@florin/database';
import { createServer, type Server, type ServerOptions } from '@florin/service';
import { accountNumberLookup } from './accounts/account-number-lookup.ts';
import { balanceRoutes } from './accounts/balance-routes.ts';
import { ledgerAccountRoutes } from './accounts/ledger-account-routes.ts';
import { approvalRoutes } from './approvals/approval-routes.ts';
import { batchRoutes } from './batches/batch-routes.ts';
import { conversionRoutes } from './conversions/conversion-routes.ts';
import { builtInRates } from './conversions/rates.ts';
import type { DeliveryClient } from './deliveries/delivery-client.ts';
import type { PostingEngine } from './engine/posting-engine.ts';
import { explanationRoutes } from './explanations/explanation-routes.ts';
import { holdRoutes } from './holds/hold-routes.ts';
import { ownPaymentsRoutes } from './payments/own-payments-routes.ts';
import { paymentRoutes } from './payments/payment-routes.ts';
import type { Payments } from './payments/start-payments.ts';
import { reversalRoutes } from './reversals/reversal-routes.ts';
import { sealRoutes } from './seals/seal-routes.ts';
import type { Tables } from './tables.ts';
import { transactionRoutes } from './transactions/transaction-routes.ts';
import { openPolicy, type TransferPolicy } from './transfers/transfer-policy.ts';
import { transferRoutes } from './transfers/transfer-routes.ts';
import { trialBalanceRoutes } from './trial-balance/trial-balance-routes.ts';

/** What the app works with. */
export interface AppDependencies {
  logger: ServerOptions['logger'];
  db: Database<Tables>;
  engine: PostingEngine;
  payments: Payments;
  /** What notification knows of webhooks. */
  deliveries: Pick<DeliveryClient, 'deliveriesOf'>;
  /** How long a hold lasts when its request does not say, in seconds; 7 days unless told. */
  holdExpiresInSeconds?: number;
  keys: KeySource;
  tokenIssuer: string;
  /** Of conversions; 50 unless told. */
  fxSpreadBasisPoints?: number;
  /** Fees, approvals and step-up; none unless given. */
  policy?: TransferPolicy;
  /** What time it is for quotes and limits: that of the engine. The process's unless given. */
  clock?: () => Date;
  readiness?: NonNullable<ServerOptions['readiness']>;
}

/** The service's HTTP face. It does not listen. */
export function buildApp(dependencies: AppDependencies): Server {
  const { logger, db, engine, payments, keys, tokenIssuer, policy = openPolicy, readiness = {} } = dependencies;
  const app = createServer({
    name: 'transactions',
    logger,
    readiness,
    openapi: {
      title: 'Florin transactions',
      description: 'The ledger: transfers, payments, balances and their history',
    },
  });
  authPlugin(app, { keys, issuer: tokenIssuer, serviceName: 'transactions' });
  const clock = dependencies.clock ?? (() => new Date());
  ledgerAccountRoutes(app, { db, clock });
  balanceRoutes(app, { db });
  transactionRoutes(app, { db });
  ownPaymentsRoutes(app, { db });
  explanationRoutes(app, { db, deliveries: dependencies.deliveries });
  const desk = { engine, db, findByNumber: accountNumberLookup(db), policy };
  transferRoutes(app, desk);
  batchRoutes(app, desk);
  approvalRoutes(app, { db, engine });
  trialBalanceRoutes(app, { db });
  sealRoutes(app, { db });
  const spreadBasisPoints = dependencies.fxSpreadBasisPoints ?? 50;
  conversionRoutes(app, { db, engine, rates: builtInRates, spreadBasisPoints, clock });
  holdRoutes(app, { ...desk, defaultExpiry: dependencies.holdExpiresInSeconds ?? 604_800 });
  reversalRoutes(app, desk);
  app.register(paymentRoutes(payments, policy));
  return app;
}
