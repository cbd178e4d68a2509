import type { Database } from '@florin/database';
import {
  body,
  cursorPart,
  decodeCursor,
  encodeCursor,
  idSchema,
  page,
  pageQuery,
  parseId,
  problem,
  problemResponses,
  type Server,
} from '@florin/service';
import Type from 'typebox';
import { notFound } from '../errors.ts';
import type { Tables } from '../tables.ts';
import { inclusionPath, leafHash } from './merkle-tree.ts';
import { type SignedSeal, statementText } from './seal.ts';
import { listSeals, sealAt } from './seal-queries.ts';
import { readRecordsById } from './transaction-record.ts';

const Hash = Type.String({ description: 'SHA-256, hexadecimal' });

const SealSchema = Type.Object({
  number: Type.Integer({ description: 'Counts from 1 without a gap' }),
  previous: Type.String({ description: 'Hash of the seal before; zeros for the first' }),
  root: Type.String({ description: 'Root of the Merkle tree over the transactions (RFC 6962), hexadecimal' }),
  size: Type.Integer({ description: 'Transactions in it' }),
  sealedAt: Type.String({ description: 'RFC 3339, UTC, milliseconds' }),
  statement: Type.String({ description: 'The text of the above that is hashed and signed' }),
  hash: Type.String({ description: 'SHA-256 of `statement`, hexadecimal' }),
  key: Type.String({ description: 'Ed25519 public key, 32 bytes in base64url' }),
  signature: Type.String({ description: 'Ed25519 over `statement`, base64url' }),
});

const ProofSchema = Type.Object({
  transaction: idSchema('txn'),
  record: Type.String({ description: 'Everything recorded about the transaction, in the one spelling that is hashed' }),
  leaf: Type.String({ description: 'SHA-256 of a byte 0 and `record`, hexadecimal' }),
  index: Type.Integer({ description: 'Place of the leaf, from 0, among the `size` leaves of the seal' }),
  path: Type.Array(Hash, { description: 'Hashes from the leaf up; a node is SHA-256 of a byte 1, left and right' }),
  root: Hash,
  seal: SealSchema,
});

const access = { roles: ['operator' as const] };
const tags = ['ledger'];

/** GET /v1/ledger/seals and GET /v1/ledger/proof/{txn}. */
export function sealRoutes(app: Server, { db }: { db: Database<Tables> }): void {
  app.get(
    '/v1/ledger/seals',
    {
      config: { access },
      schema: {
        operationId: 'listSeals',
        summary: 'Signed seals over the transactions, newest first',
        description:
          'Each seal names the hash of the one before it. Keep the newest one elsewhere: nothing recorded up to it can then be changed unseen, not even by whoever holds the database and the key.',
        tags,
        querystring: pageQuery,
        response: { 200: page(SealSchema), ...problemResponses('validation_failed', 'invalid_cursor') },
      },
    },
    async ({ query: { limit, cursor } }) => {
      const [before] = cursor === undefined ? [] : decodeCursor(cursor, [cursorPart.integer]);
      const found = await listSeals(db, {
        before: before === undefined ? undefined : BigInt(before),
        limit: limit + 1,
      });
      const shown = found.slice(0, limit);
      const last = shown.at(-1);
      return {
        data: shown.map(sealView),
        nextCursor: found.length > shown.length && last ? encodeCursor([String(last.number)]) : null,
      };
    },
  );
  app.get(
    '/v1/ledger/proof/:txn',
    {
      config: { access },
      schema: {
        operationId: 'getProof',
        summary: 'Proof that a seal includes a transaction as it is recorded now',
        description: 'Can be checked without Florin. 404 also for a transaction that is too new to be sealed.',
        tags,
        params: body({ txn: idSchema('txn') }),
        response: { 200: ProofSchema, ...problemResponses('validation_failed', 'not_found') },
      },
    },
    async ({ params: { txn } }) => ({ transaction: txn, ...(await proofOf(db, parseId('txn', txn))) }),
  );
}

async function proofOf(db: Database<Tables>, id: string | undefined) {
  const [found] = id === undefined ? [] : await readRecordsById(db, [id]);
  if (!found) throw notFound('transaction');
  const seal = await sealAt(db, found);
  const index = seal?.members.indexOf(found.id) ?? -1;
  if (!seal || index < 0) {
    throw problem('not_found', 'The transaction is not sealed yet; new ones are sealed within seconds.');
  }
  return {
    record: found.record,
    leaf: leafHash(found.record).toString('hex'),
    index,
    path: inclusionPath(seal.leaves, index).map((node) => node.toString('hex')),
    root: seal.root.toString('hex'),
    seal: sealView(seal),
  };
}

function sealView(seal: SignedSeal) {
  return {
    number: Number(seal.number),
    previous: seal.previous.toString('hex'),
    root: seal.root.toString('hex'),
    size: seal.size,
    sealedAt: seal.sealedAt.toISOString(),
    statement: statementText(seal),
    hash: seal.hash.toString('hex'),
    key: seal.key,
    signature: seal.signature.toString('base64url'),
  };
}
