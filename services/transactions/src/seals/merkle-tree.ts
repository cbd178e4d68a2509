import { hash } from 'node:crypto';

// RFC 6962, 2.1: leaves and inner nodes are hashed with different first bytes, so that neither can pass for the other.
const leafPrefix = '\0';
/** An inner node: its first byte, and the two below it. */
const node = Buffer.alloc(65, 1);

/** SHA-256 of a record as a leaf of the tree, 32 bytes. */
export function leafHash(record: string): Buffer {
  return sha256(leafPrefix + record);
}

/** The root over one leaf or more. @throws {RangeError} without leaves */
export function merkleRoot(leaves: readonly Buffer[]): Buffer {
  let level = leaves;
  while (level.length > 1) level = parents(level);
  const [root] = level;
  if (!root) throw new RangeError('A tree needs a leaf');
  return root;
}

/** The hashes that lead from the leaf at `index` to the root, from the bottom up. @throws {RangeError} */
export function inclusionPath(leaves: readonly Buffer[], index: number): Buffer[] {
  if (!(index in leaves)) throw new RangeError('There is no leaf at this index');
  const path: Buffer[] = [];
  let level = leaves;
  for (let at = index; level.length > 1; at >>= 1) {
    // The last node of an odd level has no sibling and moves up as it is.
    const sibling = level[at ^ 1];
    if (sibling) path.push(sibling);
    level = parents(level);
  }
  return path;
}

/** The root that a leaf and its path lead to in a tree of `size` leaves; undefined where the path does not fit. */
export function rootOfPath(leaf: Buffer, index: number, size: number, path: readonly Buffer[]): Buffer | undefined {
  if (index >= size) return undefined;
  let node = leaf;
  let used = 0;
  for (let at = index, last = size - 1; last > 0; at >>= 1, last >>= 1) {
    if (at === last && at % 2 === 0) continue;
    const sibling = path[used++];
    if (!sibling) return undefined;
    node = at % 2 === 0 ? parent(node, sibling) : parent(sibling, node);
  }
  return used === path.length ? node : undefined;
}

function parents(level: readonly Buffer[]): Buffer[] {
  const above: Buffer[] = [];
  for (let index = 0; index < level.length; index += 2) {
    const [left, right] = [level[index], level[index + 1]];
    if (left) above.push(right ? parent(left, right) : left);
  }
  return above;
}

function parent(left: Buffer, right: Buffer): Buffer {
  left.copy(node, 1);
  right.copy(node, 33);
  return sha256(node);
}

/** As a text and then into Node's pool: a buffer with memory of its own takes longer than the hash. */
function sha256(content: string | Buffer): Buffer {
  return Buffer.from(hash('sha256', content, 'latin1'), 'latin1');
}
