import { formatId, newUuid } from '@florin/service';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newAccountNumber } from '../account-numbers/account-number.ts';
import { type Caller, startTestService, type TestService } from '../testing/test-service.ts';
import type { PayeeView } from './payee-view.ts';

const numbers = [
  'DE89370400440532013000',
  'GB29NWBK60161331926819',
  'FR1420041010050500013M02606',
  'NL91ABNA0417164300',
  'CH9300762011623852957',
];
const wish = { name: 'Grace Hopper', accountNumber: 'DE89 3704 0044 0532 0130 00' };

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ perOwner: 5 });
});
afterAll(() => service.close());

const now = () => Math.floor(Date.now() / 1000);
/** Somebody who has proved who they are so many seconds ago. */
const caller = (user: Parameters<TestService['caller']>[0] = {}, secondsAgo = 0) =>
  service.caller({ ...user, claims: { auth_time: now() - secondsAgo, ...user?.claims } });
const add = (by: Caller, body: unknown = wish, key?: string) =>
  service.call(by, 'POST /v1/payees', body, key === undefined ? {} : { 'idempotency-key': key });
const list = async (by: Caller) => (await service.call(by, 'GET /v1/payees')).json<{ data: PayeeView[] }>().data;
const remove = (by: Caller, id: unknown) => service.call(by, `DELETE /v1/payees/${id}`);

describe('POST /v1/payees', () => {
  it('201 with the account number in electronic format, and it is listed so', async () => {
    const owner = caller();
    const answer = await add(owner);
    expect([answer.status, answer.json()]).toEqual([
      201,
      {
        id: expect.stringMatching(/^pye_[0-9a-z]{26}$/),
        name: 'Grace Hopper',
        accountNumber: 'DE89370400440532013000',
        createdAt: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/),
      },
    ]);
    expect(await list(owner)).toEqual([answer.json()]);
  });

  it.each([
    ['wrong check digits', '/accountNumber', { ...wish, accountNumber: 'DE88370400440532013000' }],
    ['an account number of another form', '/accountNumber', { ...wish, accountNumber: 'DE89-3704-0044-0532-0130-00' }],
    ['letters beyond ASCII', '/accountNumber', { ...wish, accountNumber: 'ＤE89370400440532013000' }],
    ['an account’s id', '/accountNumber', { ...wish, accountNumber: 'acc_01h455vb4pex5vsknk084sn02q' }],
    ['43 characters', '/accountNumber', { ...wish, accountNumber: `DE89370400440532013000${' '.repeat(21)}` }],
    ['a number', '/accountNumber', { ...wish, accountNumber: 89370400440532 }],
    ['a blank name', '/name', { ...wish, name: ' ' }],
    ['a name of 101 characters', '/name', { ...wish, name: 'x'.repeat(101) }],
    ['a name with a line break', '/name', { ...wish, name: 'Grace\nHopper' }],
    ['an owner of its own choice', '/owner', { ...wish, owner: 'usr_01h455vb4pex5vsknk084sn02q' }],
  ])('400 validation_failed for %s', async (_case, pointer, body) => {
    const answer = await add(caller(), body);
    expect(answer.status).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'validation_failed', errors: [expect.objectContaining({ pointer })] });
  });

  it('409 conflict for an account number that the owner has, however written; another owner may have it', async () => {
    const owner = caller();
    const first = await add(owner, wish, 'one');
    const again = await add(owner, { name: 'Somebody', accountNumber: 'de89370400440532013000' }, 'two');
    expect([again.status, again.json()]).toMatchObject([409, { code: 'conflict' }]);
    expect((await add(caller())).status).toBe(201);
    // A 409 leaves its key unused.
    await remove(owner, first.json().id);
    expect((await add(owner, { name: 'Somebody', accountNumber: 'de89370400440532013000' }, 'two')).status).toBe(201);
  });

  it('of 20 at once with one account number one is 201, the others are 409', async () => {
    const owner = caller();
    const answers = await Promise.all(Array.from({ length: 20 }, () => add(owner)));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([201, ...Array.from({ length: 19 }, () => 409)]);
    expect(await list(owner)).toHaveLength(1);
  });

  it('422 limit_exceeded beyond as many as a person may have, of 20 at once too; a removal makes room', async () => {
    const owner = caller();
    const another = () => add(owner, { ...wish, accountNumber: newAccountNumber({ country: 'LU', bankCode: '998' }) });
    const answers = await Promise.all(Array.from({ length: 20 }, another));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(5);
    const refused = answers.filter(({ status }) => status === 422);
    expect(refused).toHaveLength(15);
    const detail = 'A person may have 5 payees: remove some first.';
    expect(refused[0]?.json()).toMatchObject({ code: 'limit_exceeded', detail });
    const [newest] = await list(owner);
    await remove(owner, newest?.id);
    expect((await another()).status).toBe(201);
    expect((await another()).status).toBe(422);
  });

  it.each<[string, Parameters<TestService['caller']>[0]]>([
    ['after a proof of 602 s ago', { claims: { auth_time: now() - 602 } }],
    ['without any proof', { claims: { auth_time: undefined } }],
    ['for an API key, which cannot step up', { claims: { auth_time: now(), sid: formatId('key', newUuid()) } }],
  ])('403 step_up_required %s, and nothing is added', async (_case, user) => {
    const by = caller(user);
    const answer = await add(by);
    expect([answer.status, answer.json()]).toMatchObject([403, { code: 'step_up_required' }]);
    expect(await list(by)).toEqual([]);
  });

  it('403 insufficient_scope without accounts:write', async () => {
    const answer = await add(caller({ scopes: ['accounts:read'] }));
    expect([answer.status, answer.json()]).toMatchObject([403, { code: 'insufficient_scope' }]);
  });
});

describe('POST /v1/payees with Idempotency-Key', () => {
  it('the same status and bytes again, and one payee; 422 for another body', async () => {
    const owner = caller();
    const first = await add(owner, wish, 'k');
    const again = await add(owner, wish, 'k');
    expect([again.status, again.text]).toEqual([201, first.text]);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(again.headers['content-type']).toBe(first.headers['content-type']);
    const other = await add(owner, { ...wish, name: 'Another' }, 'k');
    expect([other.status, other.json()]).toMatchObject([422, { code: 'idempotency_key_reused' }]);
    expect(await list(owner)).toEqual([first.json()]);
  });

  it('30 at once: one payee and one answer', async () => {
    const owner = caller();
    const answers = await Promise.all(Array.from({ length: 30 }, () => add(owner, wish, 'k')));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(201);
    expect(await list(owner)).toHaveLength(1);
  });

  it('a key belongs to its caller, and a 403 does not burn it', async () => {
    const owner = caller();
    const stale = caller({ userId: owner.uuid }, 3_600);
    expect((await add(stale, wish, 'k')).status).toBe(403);
    const [mine, others] = [await add(owner, wish, 'k'), await add(caller(), wish, 'k')];
    expect([mine.status, others.status]).toEqual([201, 201]);
    expect(mine.json().id).not.toBe(others.json().id);
    expect(mine.headers).not.toHaveProperty('idempotent-replayed');
  });
});

describe('GET /v1/payees', () => {
  it('200 the own payees page by page, newest first, each once; for an API key and after an old proof too', async () => {
    const owner = caller();
    await add(caller());
    const added: string[] = [];
    for (const accountNumber of numbers)
      added.unshift(String((await add(owner, { ...wish, accountNumber })).json().id));
    const readers = [
      caller({ userId: owner.uuid }, 3_600),
      caller({ userId: owner.uuid, scopes: ['accounts:read'], claims: { sid: formatId('key', newUuid()) } }),
    ];
    for (const reader of readers) {
      const seen: string[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const path: string = `GET /v1/payees?limit=2${cursor && `&cursor=${cursor}`}`;
        const page: { data: PayeeView[]; nextCursor: string | null } = (await service.call(reader, path)).json();
        seen.push(...page.data.map(({ id }) => id));
        cursor = page.nextCursor;
      }
      expect(seen).toEqual(added);
    }
  });

  it('shows nobody else’s, to staff neither', async () => {
    await add(caller());
    for (const roles of [['customer'], ['operator'], ['auditor'], ['admin']] as const) {
      expect(await list(caller({ roles: [...roles] }))).toEqual([]);
    }
  });

  it.each([
    ['cursor=abc', 'invalid_cursor'],
    ['limit=101', 'validation_failed'],
    ['owner=usr_01h455vb4pex5vsknk084sn02q', 'validation_failed'],
  ])('400 for ?%s', async (query, code) => {
    const answer = await service.call(caller(), `GET /v1/payees?${query}`);
    expect([answer.status, answer.json()]).toMatchObject([400, { code }]);
  });

  it('401 without a token, 403 insufficient_scope without accounts:read', async () => {
    expect((await service.call({ ...caller(), token: '' }, 'GET /v1/payees')).status).toBe(401);
    const answer = await service.call(caller({ scopes: ['accounts:write'] }), 'GET /v1/payees');
    expect([answer.status, answer.json()]).toMatchObject([403, { code: 'insufficient_scope' }]);
  });
});

describe('DELETE /v1/payees/{id}', () => {
  it('204 without a recent proof; then it is gone, 404 again, and its account number is free', async () => {
    const owner = caller();
    const { id } = (await add(owner)).json();
    const stale = caller({ userId: owner.uuid }, 3_600);
    expect((await remove(stale, id)).status).toBe(204);
    expect(await list(owner)).toEqual([]);
    expect((await remove(stale, id)).status).toBe(404);
    expect((await add(owner)).status).toBe(201);
  });

  it("404 for another's payee, to staff too, with the body of one that does not exist; it stays", async () => {
    const owner = caller();
    const payee = (await add(owner)).json<PayeeView>();
    const bodies = [];
    for (const by of [caller(), caller({ roles: ['operator'] }), caller({ roles: ['admin'] })]) {
      for (const id of [payee.id, 'pye_01h455vb4pex5vsknk084sn02q']) {
        const answer = await remove(by, id);
        expect(answer.status).toBe(404);
        const { instance, traceId, ...body } = answer.json();
        expect([instance, traceId]).toEqual([`/v1/payees/${id}`, expect.any(String)]);
        bodies.push(body);
      }
    }
    for (const body of bodies) expect(body).toEqual(bodies[0]);
    expect(await list(owner)).toEqual([payee]);
  });

  it.each(['acc_01h455vb4pex5vsknk084sn02q', 'pye_1', '7'])('404 for the id %s', async (id) => {
    expect((await remove(caller(), id)).status).toBe(404);
  });

  it('403 insufficient_scope without accounts:write', async () => {
    const answer = await remove(caller({ scopes: ['accounts:read'] }), 'pye_01h455vb4pex5vsknk084sn02q');
    expect([answer.status, answer.json()]).toMatchObject([403, { code: 'insufficient_scope' }]);
  });
});
