import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, type Fleet, startFleet } from '@florin/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../repository.ts';
import { newCustomer } from './people.ts';

const leadSeconds = '5';

let fleet: Fleet;
let ada: Awaited<ReturnType<typeof newCustomer>>;
let grace: Awaited<ReturnType<typeof newCustomer>>;
let apiKey: string;
beforeAll(async () => {
  const env = { FLORIN_RATE_LIMITS: 'off', SIGNING_KEY_LEAD_SECONDS: leadSeconds };
  fleet = await startFleet({ transport: 'embedded', env });
  ada = await newCustomer(fleet, 'Ada', '100.00');
  grace = await newCustomer(fleet, 'Grace', '1.00');
  const order = { name: 'Load', scopes: ['accounts:read', 'transactions:read'] };
  apiKey = String((await call({ request: 'POST /v1/api-keys', token: ada.accessToken, body: order })).body.secret);
});
afterAll(() => fleet?.stop());

interface Call {
  readonly request: string;
  readonly token?: string | undefined;
  readonly body?: unknown;
  /** A process of the fleet; the gateway unless told. */
  readonly at?: string;
}

async function call({ request, token, body, at }: Call) {
  const [method = 'GET', path = ''] = request.split(' ');
  const response = await fetch(`${at === undefined ? fleet.gateway : fleet.process(at).url}${path}`, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(method === 'POST' && { 'idempotency-key': randomUUID() }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const answer = await response.text();
  return { status: response.status, body: (answer === '' ? {} : JSON.parse(answer)) as Record<string, unknown> };
}

/** The program behind `npm run rotate-keys`. */
async function rotateKeys(...words: string[]) {
  const program = join(root, 'infra/local/src/rotate-keys.ts');
  const env = { ...process.env, FLORIN_HOME: fleet.home, SIGNING_KEY_LEAD_SECONDS: leadSeconds };
  const child = spawn(process.execPath, [program, ...words], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const [output, [status]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  expect(status).toBe(0);
  return JSON.parse(output) as { coming: { kid: string; signsFrom: string } | null; retired: string[] };
}

const kidOf = (token: unknown) =>
  JSON.parse(Buffer.from(String(token).split('.')[0] ?? '', 'base64url').toString()).kid;
const logIn = ({ email, password }: typeof ada) => call({ request: 'POST /v1/auth/login', body: { email, password } });

/** A route of each service, and each service itself. */
const reads: readonly Pick<Call, 'request' | 'at'>[] = [
  ['identity', 'GET /v1/me'],
  ['accounts', 'GET /v1/accounts'],
  ['transactions', 'GET /v1/transactions'],
  ['notification', 'GET /v1/notifications'],
].flatMap(([at = '', request = '']) => [{ request }, { request, at }]);

/** Makes requests one after the other in several lines until stopped, with a token of Grace and others; keeps what failed. */
function startLoad(old: string) {
  const failed: unknown[] = [];
  const kids = new Set<string>();
  let requests = 0;
  let running = true;

  async function send(one: Call) {
    const { status, body } = await call(one);
    requests += 1;
    if (one.token?.startsWith('ey')) kids.add(kidOf(one.token));
    if (status < 200 || status > 299) failed.push({ ...one, token: undefined, status, code: body.code });
    return body;
  }
  async function line(round: () => Promise<void>) {
    while (running) {
      await round();
      await sleep(40);
    }
  }
  const session = logIn(ada).then(({ body }) => body);
  let current = session;
  const refreshing = line(async () => {
    current = Promise.resolve(
      await send({ request: 'POST /v1/auth/refresh', body: { refreshToken: (await current).refreshToken } }),
    );
    for (const read of reads) await send({ ...read, token: String((await current).accessToken) });
  });
  const lines = [
    refreshing,
    // With one token of the old key all the while.
    line(async () => {
      for (const read of reads) await send({ ...read, token: old });
      const order = { from: grace.account.id, to: ada.account.id, amount: '0.01', currency: 'USD' };
      await send({ request: 'POST /v1/transfers', token: old, body: order });
    }),
    line(async () => {
      const { email, password } = grace;
      const { accessToken } = await send({ request: 'POST /v1/auth/login', body: { email, password } });
      await send({ request: 'GET /v1/me', token: String(accessToken) });
      await sleep(300);
    }),
    line(async () => {
      await send({ request: 'GET /v1/accounts', token: apiKey });
      await send({ request: 'GET /v1/transactions', token: apiKey });
    }),
  ];
  return async () => {
    running = false;
    await Promise.all(lines);
    return { failed, requests, kids: [...kids] };
  };
}

/** Resolves when every service and the gateway refuse the token, as they refuse nonsense. */
async function refusedEverywhere(token: string): Promise<void> {
  for (const read of reads) {
    await eventually(
      async () => expect((await call({ ...read, token })).body).toMatchObject({ code: 'unauthenticated' }),
      { timeoutMs: 15_000 },
    );
    const bodies = await Promise.all([token, 'a.b.c'].map((shown) => call({ ...read, token: shown })));
    expect({ ...bodies[0]?.body, traceId: '' }).toEqual({ ...bodies[1]?.body, traceId: '' });
    expect(bodies.map(({ status }) => status)).toEqual([401, 401]);
  }
}

async function acceptedEverywhere(token: string): Promise<void> {
  for (const read of reads) expect([read, (await call({ ...read, token })).status]).toEqual([read, 200]);
}

describe('signing keys change in a running fleet', () => {
  it('on schedule no request fails; tokens of both keys work; the old key revoked, its tokens alone are 401', async () => {
    const old = String((await logIn(grace)).body.accessToken);
    const stop = startLoad(old);
    const { coming } = await rotateKeys();
    expect(coming?.kid).not.toBe(kidOf(old));
    const fresh = await eventually(
      async () => {
        const { accessToken } = (await logIn(grace)).body;
        expect(kidOf(accessToken)).toBe(coming?.kid);
        return String(accessToken);
      },
      { timeoutMs: 30_000, intervalMs: 250 },
    );
    await sleep(1_000);
    const { failed, requests, kids } = await stop();
    expect(failed).toEqual([]);
    expect(requests).toBeGreaterThan(50);
    expect(kids.sort()).toEqual([kidOf(old), coming?.kid].sort());
    await acceptedEverywhere(old);
    await acceptedEverywhere(fresh);

    expect(await rotateKeys('--revoke', kidOf(old))).toEqual({ coming: null, retired: [kidOf(old)] });
    await refusedEverywhere(old);
    await acceptedEverywhere(fresh);
  }, 90_000);

  it('in an emergency all keys end at once; sessions go on by refresh, API keys and transfers too', async () => {
    const session = (await logIn(ada)).body;
    const { coming, retired } = await rotateKeys('--revoke');
    expect(retired).toContain(kidOf(session.accessToken));
    await refusedEverywhere(String(session.accessToken));
    const refreshed = await call({ request: 'POST /v1/auth/refresh', body: { refreshToken: session.refreshToken } });
    const token = String(refreshed.body.accessToken);
    expect(kidOf(token)).toBe(coming?.kid);
    await eventually(async () => await acceptedEverywhere(token), { timeoutMs: 15_000 });
    const order = { from: ada.account.id, to: grace.account.id, amount: '1.00', currency: 'USD' };
    expect((await call({ request: 'POST /v1/transfers', token, body: order })).status).toBe(201);
    const opening = { name: 'Savings', type: 'savings', currency: 'USD' };
    // Opening takes a service token, which was signed by a key that is gone.
    await eventually(async () => {
      const opened = await call({ request: 'POST /v1/accounts', token, body: opening });
      expect(opened.body).toMatchObject({ status: 'active' });
      expect((await call({ request: 'GET /v1/accounts', token: apiKey })).status).toBe(200);
    });
  }, 60_000);
});
