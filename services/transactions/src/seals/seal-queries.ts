import type { Database, Transaction } from '@florin/database';
import { sql } from 'kysely';
import type { Tables } from '../tables.ts';
import type { Seal, SignedSeal } from './seal.ts';
import type { LedgerPosition } from './transaction-record.ts';

interface SealRow extends SignedSeal {
  members: string[];
  leaves: Buffer;
  lastXid: string;
  lastId: string;
}

const statementColumns = sql`number, previous, root, size, sealed_at as "sealedAt", hash, key, signature`;
const allColumns = sql`${statementColumns}, members, leaves, last_xid::text as "lastXid",
  last_transaction_id as "lastId"`;

/** A seal without its transactions. */
export type SealHead = SignedSeal & { readonly last: LedgerPosition };

/** The newest seal, without its transactions. */
export async function lastSeal(db: Database<Tables>): Promise<SealHead | undefined> {
  const { rows } = await sql<SealRow>`
    select ${statementColumns}, last_xid::text as "lastXid", last_transaction_id as "lastId"
    from ledger_seals order by number desc limit 1`.execute(db);
  const [row] = rows;
  return row && { ...row, last: { xid: row.lastXid, id: row.lastId } };
}

/** A page of seals without their transactions, the newest first, those before number `before`. */
export async function listSeals(
  db: Database<Tables>,
  { before, limit }: { before: bigint | undefined; limit: number },
): Promise<SignedSeal[]> {
  const { rows } = await sql<SignedSeal>`
    select ${statementColumns} from ledger_seals
    where ${before === undefined ? sql`true` : sql`number < ${before}`}
    order by number desc limit ${limit}`.execute(db);
  return rows;
}

/** The seals that follow number `after`, with their transactions. */
export async function sealsAfter(db: Database<Tables>, after: bigint, limit: number): Promise<Seal[]> {
  const { rows } = await sql<SealRow>`
    select ${allColumns} from ledger_seals where number > ${after} order by number limit ${limit}`.execute(db);
  return rows.map(toSeal);
}

/** The seal whose span of the ledger's order the place is in; undefined for what is not sealed yet. */
export async function sealAt(db: Database<Tables>, { xid, id }: LedgerPosition): Promise<Seal | undefined> {
  const { rows } = await sql<SealRow>`
    select ${allColumns} from ledger_seals
    where (last_xid, last_transaction_id) >= (${xid}::xid8, ${id}::uuid)
    order by last_xid, last_transaction_id limit 1`.execute(db);
  return rows[0] && toSeal(rows[0]);
}

/** Adds a seal. */
export async function insertSeal(tx: Transaction<Tables>, seal: Seal): Promise<void> {
  await tx
    .insertInto('ledger_seals')
    .values({
      number: seal.number,
      previous: seal.previous,
      root: seal.root,
      size: seal.size,
      last_xid: seal.last.xid,
      last_transaction_id: seal.last.id,
      members: [...seal.members],
      leaves: Buffer.concat(seal.leaves),
      sealed_at: seal.sealedAt,
      hash: seal.hash,
      key: seal.key,
      signature: seal.signature,
    })
    .execute();
}

/** True for one process at a time, until its database transaction ends. */
export async function takeSealLock(tx: Transaction<Tables>): Promise<boolean> {
  const { rows } = await sql<{ taken: boolean }>`
    select pg_try_advisory_xact_lock(hashtext('florin.ledger-seals'), hashtext(current_schema())) as taken`.execute(tx);
  return rows[0]?.taken === true;
}

function toSeal({ leaves, lastXid, lastId, ...row }: SealRow): Seal {
  const hashes = Array.from({ length: leaves.length / 32 }, (_, index) => leaves.subarray(index * 32, index * 32 + 32));
  return { ...row, leaves: hashes, last: { xid: lastXid, id: lastId } };
}
