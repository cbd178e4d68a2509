import {
  type accountOpened,
  type CloudEvent,
  type EventDefinition,
  holdCreated,
  ledgerAccountOpened,
  transactionPosted,
} from '@florin/contracts';
import { newEvent } from '@florin/database';
import { connectTransport, startRelay, startSubscriptions, type Transport } from '@florin/messaging';
import { formatId, newUuid } from '@florin/service';
import { createLogger } from '@florin/telemetry';
import { eventually } from '@florin/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { AccountView } from '../accounts/account-view.ts';
import { type Caller, startTestService, type TestService, uuidOf } from '../testing/test-service.ts';
import { onHoldChanges } from './hold-changes.ts';
import { onLedgerAccountOpened } from './ledger-account-opened.ts';
import { onTransactionPosted } from './transaction-posted.ts';

type Data<Definition> = Definition extends EventDefinition<infer D> ? D : never;

const logger = createLogger({ service: 'accounts', level: 'silent' });
const source = 'florin/transactions';
let service: TestService;
let transport: Transport;
let background: { close(): Promise<void> }[];

beforeAll(async () => {
  service = await startTestService();
  transport = connectTransport({ url: service.database.busUrl, logger });
  const subscriptions = [onLedgerAccountOpened, onTransactionPosted, ...onHoldChanges];
  background = [
    startRelay({ databaseUrl: service.database.url, schema: 'accounts', transport, logger }),
    startSubscriptions({ transport, db: service.db, subscriptions, logger }),
  ];
});
afterEach(() => {
  service.ledger.behaviour = 'up';
});
afterAll(async () => {
  await Promise.all(background.map((work) => work.close()));
  await transport.close();
  await service.close();
});

const read = async (caller: Caller, account: AccountView) =>
  (await service.call(caller, `GET /v1/accounts/${account.id}`)).json<AccountView>();

describe('an account that the ledger could not be told of', () => {
  it('becomes active by events alone: account.opened, then ledger-account.opened', async () => {
    const opened: CloudEvent<Data<typeof accountOpened>>[] = [];
    const ledger = transport.consume('transactions.accounts', {}, async (batch) => {
      for (const { event } of batch) {
        const { account } = event.data as Data<typeof accountOpened>;
        opened.push(event as CloudEvent<Data<typeof accountOpened>>);
        const data = { account: account.id, version: account.version };
        await transport.publish([newEvent(ledgerAccountOpened, { source, subject: account.id, data })]);
      }
      return batch.map(() => ({ outcome: 'done' }));
    });
    try {
      const caller = service.caller();
      service.ledger.behaviour = 'unavailable';
      const account = await service.open(caller);
      expect(account.status).toBe('pending');
      await eventually(async () => expect(await read(caller, account)).toEqual({ ...account, status: 'active' }));
      expect(opened.map((event) => event.data.account)).toMatchObject([
        { id: account.id, status: 'active', version: 1 },
      ]);
      const row = service.db.selectFrom('accounts').select('ledger_due_at').where('id', '=', uuidOf(account));
      expect(await row.executeTakeFirst()).toEqual({ ledger_due_at: null });
    } finally {
      await ledger.close();
    }
  });

  it('is not woken by a late ledger-account.opened once it is frozen', async () => {
    const caller = service.caller();
    const account = await service.open(caller);
    const operator = service.caller({ roles: ['operator'] });
    await service.call(operator, `POST /v1/accounts/${account.id}/freeze`, { reason: 'x' });
    const data = { account: account.id, version: 1 };
    const marker = posting([{ account, version: 1, balanceAfter: '1.00' }]);
    await transport.publish([newEvent(ledgerAccountOpened, { source, subject: account.id, data }), marker]);
    await eventually(async () => expect((await read(caller, account)).balance.posted).toBe('1.00'));
    expect((await read(caller, account)).status).toBe('frozen');
  });
});

describe('transaction.posted', () => {
  it('moves the balances of customers, whatever the order, and releases who waits for the version', async () => {
    const caller = service.caller();
    const [one, two] = [await service.open(caller), await service.open(caller)];
    const waiting = service.call(caller, `GET /v1/accounts/${one.id}?minVersion=2`);
    const first = posting([
      { account: one, version: 1, balanceAfter: '10.00' },
      { account: two, version: 1, balanceAfter: '-10.00' },
    ]);
    const second = posting([
      { account: one, version: 2, balanceAfter: '7.50', heldAfter: '2.50' },
      { account: null, version: 1, balanceAfter: '2.50' },
    ]);
    await transport.publish([second, first, second]);
    expect((await waiting).json<AccountView>().balance).toEqual({
      posted: '7.50',
      held: '2.50',
      available: '5.00',
      asOf: second.data.transaction.postedAt,
    });
    await eventually(async () => expect((await read(caller, two)).balance.posted).toBe('-10.00'));
    expect((await read(caller, one)).balance.posted).toBe('7.50');
  });
});

describe('hold.created', () => {
  it('takes what is held off the available balance; an older one that comes later changes nothing', async () => {
    const caller = service.caller();
    const account = await service.open(caller);
    const report = (heldVersion: number, heldAfter: string) => {
      const hold = {
        id: formatId('hld', newUuid()),
        account: account.id,
        owner: account.owner,
        to: null,
        purpose: 'authorization',
        amount: '1.00',
        captured: '0.00',
        currency: 'USD',
        status: 'active',
        expiresAt: null,
        createdAt: new Date().toISOString(),
      };
      const data = { hold, heldAfter, heldVersion, availableAfter: '0.00' };
      return newEvent(holdCreated, { source, subject: hold.id, data });
    };
    const posted = (version: number, balanceAfter: string) => posting([{ account, version, balanceAfter }]);
    await transport.publish([posted(1, '10.00'), report(2, '3.00'), report(1, '1.00'), posted(2, '9.00')]);
    await eventually(async () =>
      expect((await read(caller, account)).balance).toMatchObject({ posted: '9.00', held: '3.00', available: '6.00' }),
    );
  });
});

interface EntryFacts {
  /** Null: one of the bank's own. */
  account: AccountView | null;
  version: number;
  balanceAfter: string;
  heldAfter?: string;
}

function posting(entries: EntryFacts[]): CloudEvent<Data<typeof transactionPosted>> {
  const now = new Date().toISOString();
  const id = formatId('txn', newUuid());
  const transaction = {
    id,
    type: 'transfer',
    amount: '2.50',
    currency: 'USD',
    from: 'external:sandbox',
    to: 'external:sandbox',
    description: null,
    reversalOf: null,
    createdAt: now,
    postedAt: now,
    effectiveAt: now,
  };
  const written = entries.map(({ account, version, balanceAfter, heldAfter = '0.00' }) => ({
    account: account?.id ?? 'external:sandbox',
    owner: account?.owner ?? null,
    accountNumber: account?.accountNumber ?? null,
    amount: '2.50',
    currency: 'USD',
    balanceAfter,
    heldAfter,
    version,
  }));
  // The consumer wants two entries at least; a second bank account stands for the other side.
  const other = { ...written[0], account: 'external:other', owner: null, accountNumber: null } as (typeof written)[0];
  const data = { transaction, entries: [...written, other] };
  return newEvent(transactionPosted, { source, subject: id, data: transactionPosted.parse(data) as typeof data });
}
