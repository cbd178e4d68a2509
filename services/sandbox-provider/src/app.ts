import { createServer } from '@florin/service';
import { sql } from 'kysely';
import { chargeRoutes } from './charges/charge-routes.ts';
import type { Dependencies } from './dependencies.ts';

/** The provider's HTTP interface, not yet listening. */
export async function buildApp(dependencies: Dependencies) {
  const app = createServer({
    name: 'sandbox-provider',
    logger: dependencies.logger,
    openapi: {
      title: 'Florin sandbox provider',
      description: 'A payment provider to develop against, which really calls back',
      tags: [
        { name: 'charges', description: 'Payments asked for by a client' },
        { name: 'payouts', description: 'Payments to a card or bank account' },
      ],
    },
    readiness: {
      postgres: async () => {
        await sql`select 1`.execute(dependencies.db);
      },
    },
  });
  await app.register(chargeRoutes(dependencies));
  return app;
}
