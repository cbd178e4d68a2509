import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLogger } from '@florin/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLedgerClient, type LedgerAccount, type LedgerClient } from './ledger-client.ts';

const account: LedgerAccount = {
  id: 'acc_01h455vb4pex5vsknk084sn02q',
  owner: 'usr_01h455vb4pex5vsknk084sn02q',
  currency: 'USD',
  accountNumber: 'LU009990000000000000',
  status: 'active',
  limits: { perTransaction: null, daily: null, monthly: null },
  version: 1,
};
const logger = createLogger({ service: 'accounts', level: 'silent' });

let server: Server;
let answer: { status: number; body: string };
let received: {
  method?: string | undefined;
  url?: string | undefined;
  authorization?: string | undefined;
  body: string;
}[];
let client: LedgerClient;

beforeEach(async () => {
  received = [];
  answer = { status: 200, body: '{}' };
  server = createServer(async (request, response) => {
    const chunks = await request.toArray();
    const { method, url, headers } = request;
    received.push({ method, url, authorization: headers.authorization, body: Buffer.concat(chunks).toString() });
    response.writeHead(answer.status, { 'content-type': 'application/json', location: '/elsewhere' }).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  client = createLedgerClient({ url: url(), tokens: { tokenFor: async (audience) => `for-${audience}` }, logger });
});
afterEach(async () => {
  client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

describe('putAccount', () => {
  it('sends the account with a token for transactions: applied', async () => {
    expect(await client.putAccount(account)).toEqual({ kind: 'applied' });
    const { id, ...body } = account;
    expect(received).toEqual([
      {
        method: 'PUT',
        url: `/internal/ledger-accounts/${id}`,
        authorization: 'Bearer for-transactions',
        body: JSON.stringify(body),
      },
    ]);
  });

  it.each([409, 422])('%i with a code: refused', async (status) => {
    answer = { status, body: '{"code":"account_not_empty"}' };
    expect(await client.putAccount(account)).toEqual({ kind: 'refused', code: 'account_not_empty' });
  });

  it.each([
    [503, '{"code":"upstream_unavailable"}'],
    [500, ''],
    [401, '{"code":"unauthenticated"}'],
    [404, '{"code":"not_found"}'],
    [422, 'not json'],
    [422, '{"code":7}'],
    [307, ''],
  ])('%i %s: unknown', async (status, body) => {
    answer = { status, body };
    expect(await client.putAccount(account)).toEqual({ kind: 'unknown' });
  });

  it('unknown when nobody listens, and when there is no token', async () => {
    const nowhere = createLedgerClient({ url: 'http://127.0.0.1:1', tokens: { tokenFor: async () => 't' }, logger });
    expect(await nowhere.putAccount(account)).toEqual({ kind: 'unknown' });
    nowhere.close();
    const noToken = async () => await Promise.reject(new Error('identity is away'));
    const anonymous = createLedgerClient({ url: url(), tokens: { tokenFor: noToken }, logger });
    expect(await anonymous.putAccount(account)).toEqual({ kind: 'unknown' });
    anonymous.close();
    expect(received).toEqual([]);
  });

  it('a refusal is an answer: it does not open the breaker', async () => {
    answer = { status: 422, body: '{"code":"account_not_empty"}' };
    for (let count = 0; count < 12; count++) await client.putAccount(account);
    expect(received).toHaveLength(12);
  });
});
