import { formatId, newUuid } from '@florin/service';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, type Caller, type Opened, startTestService, type TestService } from '../testing/test-service.ts';
import { toTransferPolicy } from './transfer-policy.ts';

/** The same person with a session that was proven just now, long ago or never, and with an API key. */
interface Person {
  fresh: Caller;
  stale: Caller;
  unproven: Caller;
  program: Caller;
}

let service: TestService;
let lenient: TestService;
beforeAll(async () => {
  const settings = { STEP_UP_ABOVE: 'USD:100.00', STEP_UP_SECONDS: 300 };
  service = await startTestService(toTransferPolicy(settings));
  lenient = await startTestService(toTransferPolicy({ ...settings, STEP_UP_API_KEYS: 'exempt' }));
});
afterAll(() => Promise.all([service.close(), lenient.close()]));

function person(at: TestService): Person {
  const userId = newUuid();
  const now = Math.floor(Date.now() / 1000);
  const session = (claims: Record<string, unknown>) => at.caller({ userId, claims });
  return {
    fresh: session({ auth_time: now, amr: ['pwd'] }),
    stale: session({ auth_time: now - 302, amr: ['pwd', 'otp'] }),
    unproven: session({}),
    program: session({ sid: formatId('key', newUuid()) }),
  };
}

async function setting(at: TestService = service): Promise<Person & { from: Opened; to: Opened }> {
  const ada = person(at);
  return { ...ada, from: await at.open(ada.fresh, 100_000n), to: await at.open(at.caller()) };
}

const send = (by: Caller, request: string, body: unknown, key: string = newUuid(), at = service): Promise<Answer> =>
  at.call(by, request, body, { 'idempotency-key': key });

const order = ({ from, to }: { from: Opened; to: Opened }, amount: string) => {
  return { from: from.id, to: to.id, amount, currency: 'USD' };
};

async function written(): Promise<unknown> {
  const { rows } = await sql`
    select (select count(*) from transactions) as transactions, (select count(*) from holds) as holds,
      (select count(*) from idempotency_keys) as keys, (select count(*) from outbox) as events`.execute(
    service.ledger.db,
  );
  return rows[0];
}

const refused = { status: 403, code: 'step_up_required' };

describe('a transfer above STEP_UP_ABOVE', () => {
  test('› 201 with a recent proof, 403 step_up_required without: nothing is written and the key stays unused', async () => {
    const ada = await setting();
    const body = order(ada, '100.01');
    const key = newUuid();
    const before = await written();
    for (const by of [ada.stale, ada.unproven, ada.program]) {
      const answer = await send(by, 'POST /v1/transfers', body, key);
      expect(answer.json()).toMatchObject({ ...refused, instance: '/v1/transfers' });
    }
    expect(await written()).toEqual(before);
    const answer = await send(ada.fresh, 'POST /v1/transfers', body, key);
    expect([answer.status, answer.headers['idempotent-replayed']]).toEqual([201, undefined]);
  });

  test('› a repeat of what was posted gets its answer, however old the proof is by then', async () => {
    const ada = await setting();
    const [body, key] = [order(ada, '150.00'), newUuid()];
    const first = await send(ada.fresh, 'POST /v1/transfers', body, key);
    const again = await send(ada.stale, 'POST /v1/transfers', body, key);
    expect([again.status, again.text, again.headers['idempotent-replayed']]).toEqual([201, first.text, 'true']);
  });

  test('› needs none up to the amount, nor in a currency without one', async () => {
    const ada = await setting();
    expect((await send(ada.stale, 'POST /v1/transfers', order(ada, '100.00'))).status).toBe(201);
    expect((await send(ada.program, 'POST /v1/transfers', order(ada, '100.00'))).status).toBe(201);
    const euros = {
      from: await service.open(ada.fresh, 100_000n, 'EUR'),
      to: await service.open(ada.fresh, 0n, 'EUR'),
    };
    const answer = await send(ada.stale, 'POST /v1/transfers', { ...order(euros, '900.00'), currency: 'EUR' });
    expect(answer.status).toBe(201);
  });

  test('› a dry run says so too', async () => {
    const ada = await setting();
    const dryRun = (by: Caller) => service.call(by, 'POST /v1/transfers?dryRun=true', order(ada, '100.01'));
    expect((await dryRun(ada.stale)).json()).toMatchObject(refused);
    expect((await dryRun(ada.fresh)).status).toBe(200);
  });

  test('› API keys pass where STEP_UP_API_KEYS exempts them; old sessions do not', async () => {
    const ada = await setting(lenient);
    const transfer = (by: Caller) => send(by, 'POST /v1/transfers', order(ada, '100.01'), newUuid(), lenient);
    expect((await transfer(ada.program)).status).toBe(201);
    expect((await transfer(ada.stale)).json()).toMatchObject(refused);
  });
});

describe('a batch with a transfer above it', () => {
  test.each(['atomic', 'independent'])(
    '› 403 as a whole, %s too, and names the first; then 200 under the same key',
    async (mode) => {
      const ada = await setting();
      const transfers = ['1.00', '100.01', '200.00'].map((amount) => order(ada, amount));
      const key = newUuid();
      const before = await written();
      const answer = await send(ada.stale, 'POST /v1/transfers/batch', { mode, transfers }, key);
      expect(answer.json()).toMatchObject({ ...refused, index: 1 });
      expect(await written()).toEqual(before);
      expect((await send(ada.fresh, 'POST /v1/transfers/batch', { mode, transfers }, key)).status).toBe(200);
    },
  );
});

describe('a hold above it', () => {
  test('› 403 as well, or its capture would be a way around', async () => {
    const ada = await setting();
    const body = { account: ada.from.id, to: ada.to.id, amount: '100.01', currency: 'USD' };
    expect((await send(ada.stale, 'POST /v1/holds', body)).json()).toMatchObject(refused);
    expect((await send(ada.fresh, 'POST /v1/holds', body)).status).toBe(201);
  });
});

describe('STEP_UP_ABOVE', () => {
  test('unset, nobody is asked for anything', () => {
    expect(toTransferPolicy({}).stepUp).toBeUndefined();
    expect(toTransferPolicy({ STEP_UP_ABOVE: ' ', STEP_UP_SECONDS: 60 }).stepUp).toBeUndefined();
  });

  test.each(['100', 'USD:1.001', 'XYZ:1', 'USD:1,USD:2'])('%s stops the process with a line that names it', (text) => {
    expect(() => toTransferPolicy({ STEP_UP_ABOVE: text })).toThrow(/^STEP_UP_ABOVE must be/);
  });
});
