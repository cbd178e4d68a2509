import { join } from 'node:path';
import { createDatabase, createPool, type Database, migrate, provision } from '@florin/database';
import { newUuid } from '@florin/service';
import { createLogger } from '@florin/telemetry';
import { createTestDatabase, type TestDatabase, testPassword } from '@florin/testing';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { sql } from 'kysely';
import type { Command } from '../engine/command.ts';
import { Lane, type LaneOptions } from '../engine/lane.ts';
import {
  createPostingEngine,
  type EngineLane,
  type PostingEngine,
  type PostingEngineOptions,
} from '../engine/posting-engine.ts';
import type { Tables } from '../tables.ts';
import { decideTransfer, type Transfer } from '../transfers/transfer.ts';

const schema = 'transactions';
const logger = createLogger({ service: schema, level: 'silent' });
const folder = join(import.meta.dirname, '../../migrations');

/** A ledger on a database of its own, with as many engines as a test asks for. */
export interface TestLedger {
  readonly database: TestDatabase;
  readonly db: Database<Tables>;
  engine(options?: Partial<PostingEngineOptions>, openLane?: OpenLane): PostingEngine;
  /** Opens an active customer's account in USD, or as told. */
  open(account?: Partial<OpenAccount>): Promise<OpenAccount>;
  close(): Promise<void>;
}

/** How an engine gets its lanes; a fault is planted by another one than the engine's own. */
export type OpenLane = (database: LaneOptions) => EngineLane;

/** As in production. */
export const openLane: OpenLane = (database) => new Lane(database);

/** An account as the ledger opens it. */
export interface OpenAccount {
  readonly id: string;
  readonly ownerId: string;
  readonly currency: string;
  readonly accountNumber: string;
  readonly status: 'active' | 'frozen' | 'closed';
  /** Minor units that it has from the start, without an entry. */
  readonly posted: bigint;
}

/** Makes a database with the tables of this service. */
export async function ledgerDatabase(): Promise<TestDatabase> {
  return await createTestDatabase({
    schema,
    prepare: async ({ adminUrl, ownerUrl }) => {
      const services = [{ name: schema, password: testPassword, ownerPassword: testPassword }];
      await provision({ adminUrl, services, busPassword: testPassword });
      await migrate({ url: ownerUrl, schema, folder, role: schema });
    },
  });
}

/** Starts one. */
export async function startTestLedger(): Promise<TestLedger> {
  const database = await ledgerDatabase();
  const db = createDatabase<Tables>(createPool({ url: database.url, schema, applicationName: 'test' }));
  const engines: PostingEngine[] = [];
  return {
    database,
    db,
    engine(options = {}, lane = openLane) {
      const engine = createPostingEngine({ ...engineOptions(database.url), ...options }, lane);
      engines.push(engine);
      return engine;
    },
    open: (account = {}) => openAccount(db, account),
    async close() {
      await Promise.all(engines.map((engine) => engine.close()));
      await db.destroy();
      await database.drop();
    },
  };
}

/** Options for an engine on `url`, as in production but for what a test changes. */
export function engineOptions(url: string): PostingEngineOptions {
  return {
    database: { url, schema, applicationName: 'test-engine', connectTimeoutMs: 1_000, queryTimeoutMs: 2_000 },
    lanes: 2,
    maxBatch: 256,
    maxQueue: 10_000,
    deadlineMs: 4_000,
    clock: () => new Date(),
    logger,
  };
}

/** A transfer command. Without `key` it carries no idempotency. */
export function transferCommand(
  from: Pick<OpenAccount, 'id' | 'ownerId'>,
  to: Pick<OpenAccount, 'id'>,
  amount: bigint,
  options: { key?: string; fingerprint?: string; currency?: string } = {},
): Command {
  const transfer: Transfer = {
    id: newUuid(),
    from: from.id,
    to: to.id,
    amount,
    currency: options.currency ?? 'USD',
    description: null,
    metadata: {},
  };
  const caller = { id: `usr_${from.ownerId}`, userId: from.ownerId };
  const request = { caller, path: '/v1/transfers', traceId: '4bf92f3577b34da6a3ce929d0e0e4736', context: ROOT_CONTEXT };
  const fingerprint = Buffer.from(options.fingerprint ?? 'same');
  return {
    id: transfer.id,
    kind: 'transfer',
    accounts: [from.id, to.id],
    limitsOf: [from.id],
    ...(options.key !== undefined && { idempotency: { caller: caller.id, key: options.key, fingerprint } }),
    context: ROOT_CONTEXT,
    decide: (state) => decideTransfer(state, transfer, request),
  };
}

/** Everything that promises.md calls I1 to I4 and I10, of the whole database; empty when all is well. */
export async function brokenInvariants(db: Database<Tables>): Promise<unknown[]> {
  const { rows } = await sql`
    select 'transaction does not sum to 0' as broken, transaction_id::text as subject from entries
    group by transaction_id, currency having sum(amount) <> 0 or count(*) < 2
    union all
    select 'transaction without entries', id::text from transactions
    where not exists (select from entries where transaction_id = transactions.id)
    union all
    select 'balance is not the sum of the entries', id::text from ledger_accounts as account
    where version > 0 and (
      version <> (select count(*) from entries where account_id = account.id)
      or version <> (select max(version) from entries where account_id = account.id)
      or posted <> (select balance_after from entries where account_id = account.id and version = account.version))
    union all
    select 'entry does not follow', account_id::text from (
      select account_id, balance_after - amount as before,
        lag(balance_after) over (partition by account_id order by version) as previous from entries) as chain
    where previous is not null and previous <> before
    union all
    select 'held is not the sum of the active holds', id::text from ledger_accounts as account
    where held <> (select coalesce(sum(amount), 0) from holds where account_id = account.id and status = 'active')
    union all
    select 'below the floor', id::text from ledger_accounts where posted - held < floor`.execute(db);
  return rows;
}

async function openAccount(db: Database<Tables>, account: Partial<OpenAccount>): Promise<OpenAccount> {
  const id = account.id ?? newUuid();
  const opened: OpenAccount = {
    id,
    ownerId: newUuid(),
    currency: 'USD',
    accountNumber: `XX00${id.replaceAll('-', '').slice(-20).toUpperCase()}`,
    status: 'active',
    posted: 0n,
    ...account,
  };
  await db
    .insertInto('ledger_accounts')
    .values({
      id,
      owner_id: opened.ownerId,
      class: 'liability',
      name: null,
      currency: opened.currency,
      status: opened.status,
      status_version: 1,
      account_number: opened.accountNumber,
      posted: opened.posted,
      floor: 0n,
      last_entry_at: null,
      created_at: new Date(),
    })
    .execute();
  return opened;
}
