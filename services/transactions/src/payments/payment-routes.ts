import type { FastifyInstance } from 'fastify';
import type { TransferPolicy } from '../transfers/transfer-policy.ts';
import { depositRoutes } from './deposit-routes.ts';
import type { Payments } from './start-payments.ts';
import { webhookRoutes } from './webhook-routes.ts';
import { withdrawalRoutes } from './withdrawal-routes.ts';

/** The routes of payments: deposits, withdrawals, and the webhooks of the providers. */
export function paymentRoutes(payments: Payments, policy: Pick<TransferPolicy, 'stepUp'>) {
  return async (app: FastifyInstance): Promise<void> => {
    await app.register(depositRoutes(payments));
    await app.register(withdrawalRoutes(payments, policy));
    await app.register(webhookRoutes(payments));
  };
}
