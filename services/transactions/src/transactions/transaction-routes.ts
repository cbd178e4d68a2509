import { requireUser } from '@florin/auth';
import type { Database } from '@florin/database';
import { body, idSchema, page, pageQuery, parseId, problemResponses, type Server } from '@florin/service';
import Type from 'typebox';
import { notFound } from '../errors.ts';
import type { Tables } from '../tables.ts';
import { readTransaction, readTransactions } from './read-transactions.ts';
import { filterQuery } from './transaction-filter.ts';
import { TransactionSchema } from './transaction-schema.ts';

const config = { access: { scopes: ['transactions:read' as const] } };
const tags = ['transactions'];
const list = {
  200: page(TransactionSchema),
  ...problemResponses('validation_failed', 'invalid_cursor', 'not_found'),
};
const listQuery = { ...pageQuery.properties, ...filterQuery.properties };

/** Reading transactions. */
export function transactionRoutes(app: Server, { db }: { db: Database<Tables> }): void {
  app.get(
    '/v1/transactions',
    {
      config,
      schema: {
        operationId: 'listTransactions',
        summary: "The caller's transactions, newest first",
        tags,
        querystring: body({ ...listQuery, account: Type.Optional(idSchema('acc')) }),
        response: list,
      },
    },
    async (request) => {
      const { account, ...query } = request.query;
      const id = account === undefined ? undefined : accountUuid(account);
      return await readTransactions(db, requireUser(request), { ...query, account: id });
    },
  );
  app.get(
    '/v1/accounts/:id/transactions',
    {
      config,
      schema: {
        operationId: 'listAccountTransactions',
        summary: "An account's transactions, newest first",
        tags,
        params: body({ id: idSchema('acc') }),
        querystring: body(listQuery),
        response: list,
      },
    },
    async (request) =>
      await readTransactions(db, requireUser(request), { ...request.query, account: accountUuid(request.params.id) }),
  );
  app.get(
    '/v1/transactions/:id',
    {
      config,
      schema: {
        operationId: 'getTransaction',
        summary: 'Get a transaction',
        tags,
        params: body({ id: idSchema('txn') }),
        response: { 200: TransactionSchema, ...problemResponses('validation_failed', 'not_found') },
      },
    },
    async (request) => await readTransaction(db, requireUser(request), parseId('txn', request.params.id)),
  );
}

function accountUuid(id: string): string {
  const uuid = parseId('acc', id);
  if (uuid === undefined) throw notFound('account');
  return uuid;
}
