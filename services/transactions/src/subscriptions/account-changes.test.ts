import { accountClosed, accountFrozen, accountOpened, accountUnfrozen, type CloudEvent } from '@florin/contracts';
import { inTransaction, newEvent } from '@florin/database';
import { formatId, newUuid } from '@florin/service';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestLedger, type TestLedger } from '../testing/test-ledger.ts';
import { accountSubscriptions } from './account-changes.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startTestLedger();
});
afterAll(() => ledger.close());

function account() {
  const id = newUuid();
  const fixed = {
    id: formatId('acc', id),
    owner: formatId('usr', newUuid()),
    name: 'Daily',
    type: 'checking' as const,
    currency: 'USD',
    accountNumber: `LU00${id.slice(-12).toUpperCase()}`,
  };
  const opened = (version: number) => made(accountOpened, { account: { ...fixed, status: 'pending', version } });
  const frozen = (version: number) =>
    made(accountFrozen, { account: { ...fixed, status: 'frozen', version }, reason: 'x' });
  const unfrozen = (version: number) =>
    made(accountUnfrozen, { account: { ...fixed, status: 'active', version }, reason: 'x' });
  const closed = (version: number) => made(accountClosed, { account: { ...fixed, status: 'closed', version } });
  return { id, opened, frozen, unfrozen, closed };
}

function made<Data>(definition: Parameters<typeof newEvent<Data>>[0], data: Data): CloudEvent {
  return newEvent(definition, { source: 'florin/accounts', subject: 'x', data });
}

async function receive(...events: CloudEvent[]): Promise<void> {
  for (const event of events) {
    const subscription = accountSubscriptions.find((one) => one.type === event.type);
    if (!subscription) throw new Error(`Nobody reads ${event.type}`);
    await inTransaction(ledger.db, (tx) => subscription.handle(tx, [subscription.parse(event)]));
  }
}

async function stateOf(id: string): Promise<unknown> {
  return await ledger.db
    .selectFrom('ledger_accounts')
    .select(['status', 'status_version as version'])
    .where('id', '=', id)
    .executeTakeFirst();
}

describe('account events', () => {
  test('open, freeze, unfreeze and close the account', async () => {
    const { id, opened, frozen, unfrozen, closed } = account();
    await receive(opened(1));
    expect(await stateOf(id)).toEqual({ status: 'active', version: 1 });
    await receive(frozen(2));
    expect(await stateOf(id)).toEqual({ status: 'frozen', version: 2 });
    await receive(unfrozen(3), closed(4));
    expect(await stateOf(id)).toEqual({ status: 'closed', version: 4 });
  });

  test('in any order and repeated end in the newest version', async () => {
    const { id, opened, frozen, unfrozen } = account();
    await receive(unfrozen(3), opened(1), frozen(2), unfrozen(3), opened(1));
    expect(await stateOf(id)).toEqual({ status: 'active', version: 3 });
  });

  test('a closing that finds money on the account is an error that somebody sees', async () => {
    const { id, opened, closed } = account();
    await receive(opened(1));
    await sql`update ledger_accounts set posted = 1 where id = ${id}`.execute(ledger.db);
    await expect(receive(closed(2))).rejects.toMatchObject({ code: 'account_not_empty' });
    expect(await stateOf(id)).toEqual({ status: 'active', version: 1 });
  });
});
