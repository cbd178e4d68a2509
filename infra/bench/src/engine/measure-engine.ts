import { join } from 'node:path';
import { migrate, provision } from '@florin/database';
import { v8Options } from '@florin/local';
import { newUuid } from '@florin/service';
import type { Shape } from '../floor.ts';
import type { Measurement } from '../measurement.ts';
import { runProgram } from '../run-program.ts';
import { seedLedger } from '../seed.ts';
import { withClient } from '../servers/postgres.ts';

const program = join(import.meta.dirname, 'main.ts');
const migrations = join(import.meta.dirname, '../../../../services/transactions/migrations');
const schema = 'transactions';

/** What the program beside this file is told. */
export interface EngineOrder {
  /** As the role `transactions`. */
  readonly url: string;
  /** uuid: everything is theirs. */
  readonly owner: string;
  readonly shape: Shape;
  readonly callers: number;
  readonly seconds: number;
}

/** A ledger in a database of its own, for the engine alone: no HTTP, no relay. */
export interface EngineBench {
  /** In a process of its own, with the callers in it. */
  measure(shape: Shape, seconds: number): Promise<Measurement>;
}

/** Makes the database, its tables and 100,000 funded accounts. */
export async function prepareEngine(adminUrl: string): Promise<EngineBench> {
  const password = newUuid();
  const ownerPassword = newUuid();
  const provisioned = await provision({
    adminUrl,
    database: 'engine',
    services: [{ name: schema, password, ownerPassword }],
  });
  const urls = provisioned.services[schema];
  if (urls === undefined) throw new Error('The ledger has no addresses.');
  await migrate({ url: urls.ownerUrl, schema, folder: migrations, role: schema });
  const owner = newUuid();
  await withClient(provisioned.adminUrl, (client) => seedLedger(client, [owner]));
  return {
    measure: (shape, seconds) => {
      const order: EngineOrder = { url: urls.url, owner, shape, callers: 128, seconds };
      return runProgram(program, order, seconds + 20, v8Options);
    },
  };
}
