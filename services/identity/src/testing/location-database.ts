import { isIPv4 } from 'node:net';

type Value = string | { readonly [name: string]: Value };
type Node = [left: Node | number | undefined, right: Node | number | undefined];

const bytesOf = (type: number, size: number) => Buffer.from([(type << 5) | size]);
const text = (value: string) => Buffer.concat([bytesOf(2, value.length), Buffer.from(value)]);
const unsigned = (type: number, value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return Buffer.concat([bytesOf(type, 4), bytes]);
};
const map = (entries: readonly (readonly [string, Buffer])[]) =>
  Buffer.concat([bytesOf(7, entries.length), ...entries.flatMap(([name, value]) => [text(name), value])]);

function encoded(value: Value): Buffer {
  if (typeof value === 'string') return text(value);
  return map(Object.entries(value).map(([name, inner]) => [name, encoded(inner)] as const));
}

/** The bits of an IPv4 address, the first one first. */
function bitsOf(address: string): number[] {
  if (!isIPv4(address)) throw new Error(`${address} is no IPv4 address`);
  return address.split('.').flatMap((part) => [...Number(part).toString(2).padStart(8, '0')].map(Number));
}

/**
 * A database in MaxMind's format (https://maxmind.github.io/MaxMind-DB/) that knows just these IPv4 addresses: a tree of their
 * bits in records of 24 bits, then what is said of each. For short texts only.
 */
export function locationDatabase(known: Readonly<Record<string, Value>>): Buffer {
  const root: Node = [undefined, undefined];
  const data: Buffer[] = [];
  let offset = 0;
  for (const [address, value] of Object.entries(known)) {
    const bits = bitsOf(address);
    let node = root;
    for (const bit of bits.slice(0, -1)) {
      const next = node[bit as 0 | 1];
      const deeper: Node = Array.isArray(next) ? next : [undefined, undefined];
      node[bit as 0 | 1] = deeper;
      node = deeper;
    }
    node[bits.at(-1) as 0 | 1] = offset;
    const bytes = encoded(value);
    data.push(bytes);
    offset += bytes.length;
  }
  const nodes: Node[] = [];
  const collect = (node: Node) => {
    nodes.push(node);
    for (const next of node) if (Array.isArray(next)) collect(next);
  };
  collect(root);
  const places = new Map(nodes.map((node, place) => [node, place]));
  const record = (next: Node[number]) => {
    if (next === undefined) return nodes.length;
    return typeof next === 'number' ? nodes.length + 16 + next : (places.get(next) ?? 0);
  };
  const tree = Buffer.concat(
    nodes.flat().map((next) => {
      const bytes = Buffer.alloc(3);
      bytes.writeUIntBE(record(next), 0, 3);
      return bytes;
    }),
  );
  const metadata = map([
    ['node_count', unsigned(6, nodes.length)],
    ['record_size', unsigned(6, 24)],
    ['ip_version', unsigned(6, 4)],
    ['database_type', text('Test')],
    ['binary_format_major_version', unsigned(6, 2)],
    ['binary_format_minor_version', unsigned(6, 0)],
    ['build_epoch', unsigned(6, 1)],
  ]);
  return Buffer.concat([tree, Buffer.alloc(16), ...data, Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'), metadata]);
}
