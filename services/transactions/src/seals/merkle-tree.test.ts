import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { inclusionPath, leafHash, merkleRoot, rootOfPath } from './merkle-tree.ts';

const records = Array.from({ length: 40 }, (_, index) => `record ${index}`);
const sha256 = (...parts: Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest();

/** RFC 6962, 2.1, word for word. */
function treeHash(leaves: readonly string[]): Buffer {
  const [only] = leaves;
  if (only !== undefined && leaves.length === 1) return sha256(Buffer.of(0), Buffer.from(only));
  let half = 1;
  while (half * 2 < leaves.length) half *= 2;
  return sha256(Buffer.of(1), treeHash(leaves.slice(0, half)), treeHash(leaves.slice(half)));
}

describe('the Merkle tree', () => {
  test('has the root of RFC 6962 for every size', () => {
    for (let size = 1; size <= records.length; size++) {
      const some = records.slice(0, size);
      expect(merkleRoot(some.map(leafHash)), `${size} leaves`).toEqual(treeHash(some));
    }
  });

  test('has the published roots of the test vectors of Certificate Transparency', () => {
    const vectors = [
      '',
      '00',
      '10',
      '2021',
      '3031',
      '40414243',
      '5051525354555657',
      '606162636465666768696a6b6c6d6e6f',
    ];
    const leaves = vectors.map((hex) => sha256(Buffer.of(0), Buffer.from(hex, 'hex')));
    expect(merkleRoot(leaves).toString('hex')).toBe('5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328');
    expect(merkleRoot(leaves.slice(0, 3)).toString('hex')).toBe(
      'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    );
  });

  test('gives each leaf a path to the root, and to no other place or leaf', () => {
    for (const size of [1, 2, 3, 7, 8, 13, 40]) {
      const leaves = records.slice(0, size).map(leafHash);
      const root = merkleRoot(leaves);
      for (const [index, leaf] of leaves.entries()) {
        const path = inclusionPath(leaves, index);
        expect(rootOfPath(leaf, index, size, path)).toEqual(root);
        expect(rootOfPath(leafHash('another'), index, size, path)).not.toEqual(root);
        if (size > 1) {
          expect(rootOfPath(leaf, (index + 1) % size, size, path)).not.toEqual(root);
          expect(rootOfPath(leaf, index, size, path.slice(1))).not.toEqual(root);
        }
        expect(rootOfPath(leaf, index, size, [...path, leaf])).toBeUndefined();
      }
    }
  });

  test('takes no record for an inner node', () => {
    const [left, right] = [leafHash('a'), leafHash('b')];
    expect(leafHash(Buffer.concat([left, right]).toString('latin1'))).not.toEqual(merkleRoot([left, right]));
    expect(() => merkleRoot([])).toThrow(RangeError);
    expect(() => inclusionPath([left], 1)).toThrow(RangeError);
  });
});
