import { type Fleet, startFleet } from '@florin/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GatewayRoute, routes } from '../../../../gateway/src/routes.ts';
import { Callers } from '../access/callers.ts';
import { type Bench, faultsOfRow } from '../access/check-row.ts';
import { callOf, operationsOf, readDocument } from '../fuzz/operations.ts';
import { Values } from '../fuzz/values.ts';

let fleet: Fleet;
let bench: Bench;
let operations: ReturnType<typeof operationsOf>;
beforeAll(async () => {
  fleet = await startFleet({ transport: 'embedded', env: { FLORIN_RATE_LIMITS: 'off' } });
  const ledger = new pg.Client({ connectionString: fleet.postgres.url });
  await ledger.connect();
  const document = await readDocument(fleet.gateway);
  operations = operationsOf(document);
  const [callers, values] = [await Callers.make(fleet), new Values(document)];
  bench = { gateway: fleet.gateway, callers, values, ledger };
});
afterAll(async () => {
  await bench?.ledger.end();
  await fleet?.stop();
});

async function faultsOf(route: GatewayRoute): Promise<string[]> {
  const operation = operations.find((candidate) => callOf(candidate) === callOf(route));
  if (!operation) throw new Error(`${callOf(route)} is not in /openapi.json`);
  return await faultsOfRow(bench, route, operation);
}

describe('every row of the route table, called by everybody: who is refused, and how, is what the table says', () => {
  it.each(routes.map((route) => [callOf(route), route] as const))('%s', async (_name, route) => {
    expect(await faultsOf(route)).toEqual([]);
  });
});

describe('rows that say something else than the services do are reported', () => {
  const row = (call: string): GatewayRoute => {
    const found = routes.find((route) => callOf(route) === call);
    if (!found) throw new Error(`the table has no ${call}`);
    return found;
  };

  it.each<[string, string, GatewayRoute['access'], string]>([
    [
      'a role',
      'GET /v1/accounts',
      { scopes: ['accounts:read'], roles: ['operator'] },
      'the owner: expected 403 forbidden',
    ],
    ['a scope', 'GET /v1/me', { scopes: ['accounts:read'], apiKeys: true }, 'expected 403 insufficient_scope, got 200'],
    ['no role', 'GET /v1/users', {}, 'the owner: expected to be let in, got 403 forbidden'],
    ['nothing', 'GET /v1/holds', 'public', 'an admin: expected what nobody gets, 401 unauthenticated, got 200'],
    ['API keys', 'GET /v1/me/sessions', { apiKeys: true }, 'an API key with the scope: expected to be let in'],
    ['no API keys', 'GET /v1/me', {}, 'an API key with the scope: expected 403 forbidden, got 200'],
  ])('%s too much or too little', async (_name, call, access, fault) => {
    expect((await faultsOf({ ...row(call), access })).join('\n')).toContain(fault);
  });

  it('a parameter that nobody knows how to fill fails, and says what to add', async () => {
    const id = {
      name: 'id',
      in: 'path',
      schema: { type: 'string', pattern: '^pln_[0-7][0-9a-hjkmnp-tv-z]{25}$' },
    } as const;
    const operation = { method: 'GET', path: '/v1/plants/{id}', parameters: [id], responses: {}, isPublic: false };
    const found = faultsOfRow(bench, row('GET /v1/me'), { ...operation, body: undefined });
    await expect(found).rejects.toThrow(/^GET \/v1\/plants\/\{id\}: .* add how to make one to makers in infra\/checks/);
  });
});
