import { hasRole, requireUser } from '@florin/auth';
import { type Database, sendIdempotent } from '@florin/database';
import {
  body,
  idempotencyHeader,
  idempotencyKey,
  idSchema,
  page,
  pageQuery,
  parseId,
  problemResponses,
  requestFingerprint,
  type Server,
} from '@florin/service';
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { NumberRange } from '../account-numbers/account-number.ts';
import type { VersionWatch } from '../balances/version-watch.ts';
import type { Tables } from '../tables.ts';
import { accountParams, accountUuid, goalSchema, nameSchema } from './account-requests.ts';
import { accountSchema, accountTypeSchema, viewAccount } from './account-view.ts';
import { closeAccount } from './close-account.ts';
import { freezeRoutes } from './freeze-routes.ts';
import { limitRoutes } from './limit-routes.ts';
import { openAccount } from './open-account.ts';
import { type Reader, readAccount, readAccounts } from './read-accounts.ts';
import type { Bank } from './tell-ledger.ts';
import { updateAccount } from './update-account.ts';

/** What the routes work with. */
export interface AccountRoutesOptions {
  bank: Bank & { db: Database<Tables>; numbers: NumberRange };
  versions: VersionWatch;
}

function reader(request: FastifyRequest): Reader {
  const user = requireUser(request);
  return { userId: user.userId, staff: hasRole(user, 'operator') || hasRole(user, 'auditor') };
}

/** The public routes of accounts. */
export function accountRoutes(app: Server, options: AccountRoutesOptions): void {
  openRoute(app, options);
  listRoute(app, options);
  getRoute(app, options);
  changeRoutes(app, options);
  freezeRoutes(app, options.bank);
  limitRoutes(app, options.bank);
}

function openRoute(app: Server, { bank }: AccountRoutesOptions): void {
  app.post(
    '/v1/accounts',
    {
      config: { access: { scopes: ['accounts:write'] } },
      schema: {
        operationId: 'openAccount',
        summary: 'Open an account',
        description:
          'Normally active at once; pending where the ledger cannot be reached, and then active by itself. A goal is for accounts of type goal and may be set later.',
        tags: ['accounts'],
        headers: idempotencyHeader,
        body: body({
          name: nameSchema,
          type: accountTypeSchema,
          currency: Type.String({ minLength: 1, maxLength: 4, description: 'ISO 4217, XLM or HBAR' }),
          goal: Type.Optional(goalSchema),
        }),
        response: {
          201: accountSchema,
          ...problemResponses('validation_failed', 'conflict', 'idempotency_key_reused', 'upstream_unavailable'),
        },
      },
    },
    async (request, reply) => {
      const owner = requireUser(request).userId;
      const key = idempotencyKey(request);
      const opening = key === undefined ? undefined : { owner, key, fingerprint: requestFingerprint(request) };
      const answer = await openAccount(bank, { owner, ...request.body }, opening);
      const asStored: FastifyReply = reply;
      sendIdempotent(asStored, answer);
      return reply;
    },
  );
}

function listRoute(app: Server, { bank }: AccountRoutesOptions): void {
  app.get(
    '/v1/accounts',
    {
      config: { access: { scopes: ['accounts:read'] } },
      schema: {
        operationId: 'listAccounts',
        summary: "List one's accounts, newest first",
        description: 'Operators and auditors may list the accounts of another `owner`.',
        tags: ['accounts'],
        querystring: body({
          ...pageQuery.properties,
          owner: Type.Optional(idSchema('usr')),
        }),
        response: { 200: page(accountSchema), ...problemResponses('validation_failed', 'invalid_cursor', 'forbidden') },
      },
    },
    async (request) => {
      const { cursor, limit, owner } = request.query;
      const wanted = { owner: owner && parseId('usr', owner), cursor, limit };
      const { accounts, nextCursor } = await readAccounts(bank.db, reader(request), wanted);
      return { data: accounts.map(viewAccount), nextCursor };
    },
  );
}

function getRoute(app: Server, { bank, versions }: AccountRoutesOptions): void {
  app.get(
    '/v1/accounts/:id',
    {
      config: { access: { scopes: ['accounts:read'] } },
      schema: {
        operationId: 'getAccount',
        summary: 'Get an account',
        tags: ['accounts'],
        params: accountParams,
        querystring: body({
          minVersion: Type.Optional(
            Type.Integer({
              minimum: 0,
              maximum: Number.MAX_SAFE_INTEGER,
              description: 'Wait up to 2 s until the balance includes the entry of this version',
            }),
          ),
        }),
        response: { 200: accountSchema, ...problemResponses('validation_failed', 'not_found', 'upstream_unavailable') },
      },
    },
    async (request) => {
      const wanted = { account: accountUuid(request.params.id), minVersion: request.query.minVersion };
      return viewAccount(await readAccount({ db: bank.db, versions }, reader(request), wanted));
    },
  );
}

function changeRoutes(app: Server, { bank }: AccountRoutesOptions): void {
  const config = { access: { scopes: ['accounts:write' as const] } };
  app.patch(
    '/v1/accounts/:id',
    {
      config,
      schema: {
        operationId: 'updateAccount',
        summary: 'Change the name or the goal of an account',
        tags: ['accounts'],
        params: accountParams,
        body: body({ name: Type.Optional(nameSchema), goal: Type.Optional(goalSchema) }),
        response: { 200: accountSchema, ...problemResponses('validation_failed', 'not_found', 'account_closed') },
      },
    },
    async (request) => {
      const target = { account: accountUuid(request.params.id), owner: requireUser(request).userId };
      return viewAccount(await updateAccount(bank.db, target, request.body));
    },
  );
  app.post(
    '/v1/accounts/:id/close',
    {
      config,
      schema: {
        operationId: 'closeAccount',
        summary: 'Close an empty account for good',
        tags: ['accounts'],
        params: accountParams,
        response: {
          200: accountSchema,
          ...problemResponses(
            'not_found',
            'account_not_empty',
            'account_frozen',
            'account_not_active',
            'upstream_unavailable',
          ),
        },
      },
    },
    async (request) =>
      viewAccount(await closeAccount(bank, accountUuid(request.params.id), requireUser(request).userId)),
  );
}
