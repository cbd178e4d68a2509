import { hash } from 'node:crypto';
import { merkleRoot } from './merkle-tree.ts';
import { isSignedBy, type SealKey } from './seal-key.ts';
import type { LedgerPosition } from './transaction-record.ts';

/** What a seal says: these transactions, in this order, after all those of the seal before. */
export interface SealStatement {
  /** Counts from 1 without a gap. */
  readonly number: bigint;
  /** Hash of the seal before; zeros for the first. */
  readonly previous: Buffer;
  /** Root of the Merkle tree over the transactions' records. */
  readonly root: Buffer;
  /** How many transactions. */
  readonly size: number;
  readonly sealedAt: Date;
}

/** A statement, signed. */
export interface SignedSeal extends SealStatement {
  /** SHA-256 of the statement's text. */
  readonly hash: Buffer;
  /** Public key of the signature, see SealKey. */
  readonly key: string;
  /** Ed25519 over the statement's text. */
  readonly signature: Buffer;
}

/** A seal with its transactions: `leaves[i]` is the leaf of `members[i]`. */
export interface Seal extends SignedSeal {
  readonly members: readonly string[];
  readonly leaves: readonly Buffer[];
  /** Place of the last transaction; the next seal begins after it. */
  readonly last: LedgerPosition;
}

/** What the first seal names as the hash of the one before. */
export const noSeal: Buffer = Buffer.alloc(32);

/** The text that is hashed and signed. */
export function statementText(seal: SealStatement): string {
  return JSON.stringify({
    version: 'florin.seal.v1',
    number: String(seal.number),
    previous: seal.previous.toString('hex'),
    root: seal.root.toString('hex'),
    size: seal.size,
    sealedAt: seal.sealedAt.toISOString(),
  });
}

/** Makes the seal that follows `before`. */
export function makeSeal(
  before: Pick<SignedSeal, 'number' | 'hash'> | undefined,
  members: readonly (LedgerPosition & { readonly leaf: Buffer })[],
  key: SealKey,
  sealedAt: Date,
): Seal {
  const last = members.at(-1);
  if (!last) throw new RangeError('A seal needs a transaction');
  const leaves = members.map((member) => member.leaf);
  const number = (before?.number ?? 0n) + 1n;
  const statement = {
    number,
    previous: before?.hash ?? noSeal,
    root: merkleRoot(leaves),
    size: leaves.length,
    sealedAt,
  };
  const text = Buffer.from(statementText(statement));
  return {
    ...statement,
    hash: hash('sha256', text, 'buffer'),
    key: key.name,
    signature: key.sign(text),
    members: members.map((member) => member.id),
    leaves,
    last: { xid: last.xid, id: last.id },
  };
}

/** Why the seal cannot follow `before`, or is not what was signed; undefined when all is well. */
export function flawOf(
  seal: SignedSeal,
  before: Pick<SignedSeal, 'number' | 'hash'> | undefined,
  trustedKeys: ReadonlySet<string>,
): string | undefined {
  const text = Buffer.from(statementText(seal));
  if (seal.number !== (before?.number ?? 0n) + 1n) return 'does not follow the seal before it: one is missing';
  if (!seal.previous.equals(before?.hash ?? noSeal)) return 'does not name the hash of the seal before it';
  if (!seal.hash.equals(hash('sha256', text, 'buffer'))) return 'does not have the hash that it states';
  if (!trustedKeys.has(seal.key)) return `is signed with a key that is not trusted, ${seal.key}`;
  if (!isSignedBy(seal.key, text, seal.signature)) return 'has a signature that is not of its key';
  return undefined;
}
